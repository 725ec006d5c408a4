import { type ReactNode, useId } from "react";

/** A password, or a key: never shown, never kept by the page. */
export function SecretField({
  label,
  value,
  onChange,
  kind,
  hint,
  fault,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  kind: "current-password" | "new-password";
  hint?: ReactNode;
  fault?: string | undefined;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type="password"
        autoComplete={kind}
        required
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-note`} className="hint">
        {hint}
      </span>
      {fault !== undefined && (
        <span className="field-error" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}
