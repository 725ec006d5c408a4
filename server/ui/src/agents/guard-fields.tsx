import { type ReactNode, useId, useState } from "react";
import type { AgentSpec } from "../api/schema.gen";
import { Card } from "../components/page";
import { Check, TextField } from "./fields";
import { NumberInput } from "./number-input";
import type { Props } from "./spec-fields";
import { APPROVAL_EXPIRY, EFFECTS, hostsOf, LOOP_FIELDS } from "./spec-form";

const MICROS = 1e6;

/** What a run may cost. */
export function CostField({ spec, faults, onChange }: Props): ReactNode {
  const cost = spec.limits.cost_micros;
  const [text, setText] = useState(cost == null ? "" : String(cost / MICROS));
  return (
    <TextField
      label="Cost"
      value={text}
      hint="units of money, by the server’s price table; empty: no bound"
      fault={faults["limits.cost_micros"]}
      onChange={(typed) => {
        setText(typed);
        const cost_micros = typed.trim() === "" ? null : Math.round(Number(typed) * MICROS);
        onChange({ ...spec, limits: { ...spec.limits, cost_micros } });
      }}
    />
  );
}

/** Which calls wait for a person. */
export function ApprovalFields(props: Props): ReactNode {
  const { spec, faults, onChange } = props;
  const [names, setNames] = useState(spec.approval.tools.join("\n"));
  const set = (change: Partial<AgentSpec["approval"]>) =>
    onChange({ ...spec, approval: { ...spec.approval, ...change } });
  const field = useId();
  return (
    <Card title="What a person decides on">
      <div className="card-body stack">
        <div className="field">
          <label htmlFor={field}>Every call of this kind or above</label>
          <select
            id={field}
            className="input"
            value={spec.approval.from_class ?? ""}
            onChange={(event) => set({ from_class: event.target.value === "" ? null : Number(event.target.value) })}
          >
            <option value="">none</option>
            {EFFECTS.map((effect, index) => (
              <option key={effect} value={index}>
                {effect}
              </option>
            ))}
          </select>
        </div>
        <TextField
          label="And these tools"
          rows={2}
          value={names}
          fault={faults["approval.tools"]}
          hint="one a line, evolved ones too"
          onChange={(text) => {
            setNames(text);
            set({ tools: hostsOf(text) });
          }}
        />
        <div className="fields">
          <NumberInput field={APPROVAL_EXPIRY} {...props} />
        </div>
      </div>
    </Card>
  );
}

/** When a run that goes in circles ends. */
export function LoopFields(props: Props): ReactNode {
  const { spec, onChange } = props;
  const { enabled } = spec.loop_breaker;
  return (
    <Card title="Loop breaker">
      <div className="card-body stack">
        <Check
          label="end runs that go in circles"
          hint="with the code loop_detected, before they have used up their limits"
          checked={enabled}
          onChange={(on) => onChange({ ...spec, loop_breaker: { ...spec.loop_breaker, enabled: on } })}
        />
        {enabled && (
          <div className="fields">
            {LOOP_FIELDS.map((each) => (
              <NumberInput key={each.path} field={each} {...props} />
            ))}
          </div>
        )}
      </div>
    </Card>
  );
}
