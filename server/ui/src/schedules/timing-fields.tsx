import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useMemo, useState } from "react";
import { TextField } from "../agents/fields";
import { previewQuery } from "../api/schedules";
import { Card } from "../components/page";
import { When } from "../components/values";
import { absolute } from "../text/format";
import { type TimingForm, timingFault, timingOf, UNITS, type Unit } from "./timing";

const KINDS: readonly { readonly kind: TimingForm["kind"]; readonly text: string }[] = [
  { kind: "cron", text: "by calendar" },
  { kind: "interval", text: "at an interval" },
  { kind: "once", text: "once" },
];
const PAUSE_MS = 300; // of typing, before the server is asked

/** When a schedule is due, with the next times as the server would have them. */
export function TimingFields({
  form,
  onChange,
}: {
  form: TimingForm;
  onChange: (form: TimingForm) => void;
}): ReactNode {
  return (
    <Card title="When">
      <div className="card-body stack">
        <fieldset className="filters" aria-label="Kind of timing">
          {KINDS.map(({ kind, text }) => (
            <button
              key={kind}
              type="button"
              className="chip"
              aria-pressed={form.kind === kind}
              onClick={() => onChange({ ...form, kind })}
            >
              {text}
            </button>
          ))}
        </fieldset>
        <div className="fields">
          <KindFields form={form} onChange={onChange} />
        </div>
        <Preview form={form} />
      </div>
    </Card>
  );
}

function KindFields({ form, onChange }: { form: TimingForm; onChange: (form: TimingForm) => void }): ReactNode {
  const id = useId();
  const zones = useMemo(() => ["UTC", ...Intl.supportedValuesOf("timeZone")], []);
  switch (form.kind) {
    case "cron":
      return (
        <>
          <TextField
            label="Cron expression"
            value={form.expression}
            hint="minute, hour, day of month, month, day of week"
            onChange={(expression) => onChange({ ...form, expression })}
          />
          <TextField
            label="Time zone"
            value={form.zone}
            list={id}
            hint="of the wall clock that it follows"
            onChange={(zone) => onChange({ ...form, zone })}
          />
          <datalist id={id}>
            {zones.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      );
    case "interval":
      return (
        <>
          <TextField label="Every" value={form.every} onChange={(every) => onChange({ ...form, every })} />
          <div className="field">
            <label htmlFor={id}>Unit</label>
            <select
              id={id}
              className="input"
              value={form.unit}
              onChange={(event) => onChange({ ...form, unit: event.target.value as Unit })}
            >
              {Object.keys(UNITS).map((unit) => (
                <option key={unit}>{unit}</option>
              ))}
            </select>
          </div>
        </>
      );
    case "once":
      return (
        <div className="field">
          <label htmlFor={id}>At</label>
          <input
            id={id}
            className="input"
            type="datetime-local"
            max="9999-12-31T23:59"
            value={form.at}
            onChange={(event) => onChange({ ...form, at: event.target.value })}
          />
          <span className="hint">in your time zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}</span>
        </div>
      );
  }
}

function Preview({ form }: { form: TimingForm }): ReactNode {
  const fault = timingFault(form);
  const asked = useSettled(fault === null ? JSON.stringify(timingOf(form)) : "null");
  const query = useQuery(previewQuery(JSON.parse(asked)));
  const refused = fault ?? query.error?.message;
  return (
    <div className="preview" role="status">
      <span className="label">Next times</span>
      {refused ? (
        <span className="field-error">{refused}</span>
      ) : query.data?.items.length === 0 ? (
        <span className="field-error">this time has passed</span>
      ) : (
        <DueTimes items={query.data?.items ?? []} />
      )}
    </div>
  );
}

/** Due times in the reader's zone. */
export function DueTimes({ items }: { items: readonly string[] }): ReactNode {
  return (
    <ol className="due">
      {items.map((at) => (
        <li key={at}>
          {absolute(at)}{" "}
          <span className="muted">
            <When at={at} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** A text that has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}
