import { type ReactNode, useId, useState } from "react";
import type { AgentSpec } from "../api/schema.gen";
import { Note } from "./fields";
import { at, type Faults, type NumberField, withAt } from "./spec-form";

/** A number of the definition; what is typed stays as typed, even while it is not a number yet. */
export function NumberInput({
  field,
  spec,
  faults,
  onChange,
}: {
  field: NumberField;
  spec: AgentSpec;
  faults: Faults;
  onChange: (spec: AgentSpec) => void;
}): ReactNode {
  const id = useId();
  const [text, setText] = useState(() => String(at(spec, field.path)));
  const fault = faults[field.path];
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      <input
        id={id}
        className="input"
        inputMode={field.whole ? "numeric" : "decimal"}
        value={text}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => {
          setText(event.target.value);
          const typed = event.target.value.trim();
          onChange(withAt(spec, field.path, typed === "" ? Number.NaN : Number(typed)));
        }}
      />
      <Note id={`${id}-note`} hint={field.hint} fault={fault} />
    </div>
  );
}
