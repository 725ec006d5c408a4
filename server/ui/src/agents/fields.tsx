import { type ReactNode, useId } from "react";

/** A text with its label, hint and fault; with `rows` it has several lines. */
export function TextField({
  label,
  value,
  onChange,
  rows,
  hint = "",
  fault,
  list,
  placeholder,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  hint?: string;
  fault?: string | undefined;
  list?: string;
  placeholder?: string;
}): ReactNode {
  const id = useId();
  const shared = {
    id,
    className: "input",
    value,
    placeholder,
    "aria-invalid": fault !== undefined,
    "aria-describedby": `${id}-note`,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {rows === undefined ? (
        <input {...shared} list={list} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <textarea {...shared} rows={rows} onChange={(event) => onChange(event.target.value)} />
      )}
      <Note id={`${id}-note`} hint={hint} fault={fault} />
    </div>
  );
}

export function Note({ id, hint, fault }: { id: string; hint: string; fault: string | undefined }): ReactNode {
  return (
    <span id={id} className={fault === undefined ? "hint" : "field-error"}>
      {fault ?? hint}
    </span>
  );
}

/** A box to tick, with what it means. */
export function Check({
  label,
  hint,
  checked,
  onChange,
}: {
  label: string;
  hint: string;
  checked: boolean;
  onChange: (on: boolean) => void;
}): ReactNode {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>
        <span className="label">{label}</span> <span className="hint">{hint}</span>
      </span>
    </label>
  );
}
