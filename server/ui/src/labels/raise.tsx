import { type ReactNode, useId, useState } from "react";
import { TextField } from "../agents/fields";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { LEVELS, type Level } from "./levels";

/** Asks how sensitive something counts at least, and why. */
export function Raise({
  title,
  detail,
  level,
  busy,
  onSave,
  onClose,
}: {
  title: string;
  detail: string;
  level: Level;
  busy: boolean;
  onSave: (change: { sensitivity: Level; reason: string }) => void;
  onClose: () => void;
}): ReactNode {
  const id = useId();
  const [chosen, setChosen] = useState<Level>(level === 0 ? 2 : level);
  const [reason, setReason] = useState("");
  const unsaved = useUnsaved([chosen, reason]);
  return (
    <Dialog
      title={title}
      submit="Save"
      busy={busy || reason.trim() === ""}
      unsaved={unsaved}
      onSubmit={() => onSave({ sensitivity: chosen, reason: reason.trim() })}
      onClose={onClose}
    >
      <p className="muted">{detail}</p>
      <div className="field">
        <label htmlFor={id}>Counts at least as</label>
        <select
          id={id}
          className="input"
          value={chosen}
          aria-describedby={`${id}-note`}
          onChange={(event) => setChosen(Number(event.target.value) as Level)}
        >
          {LEVELS.map((each) => (
            <option key={each.level} value={each.level}>
              {each.text}
            </option>
          ))}
        </select>
        <span id={`${id}-note`} className="hint">
          {LEVELS.find((each) => each.level === chosen)?.means}
        </span>
      </div>
      <TextField label="Why" value={reason} hint="it stands in the audit log" onChange={setReason} />
    </Dialog>
  );
}
