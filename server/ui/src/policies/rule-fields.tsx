import { type ReactNode, useId } from "react";
import { Check, Note, TextField } from "../agents/fields";
import { Card } from "../components/page";
import { faultsOfRule, type RuleForm, type Tri } from "./rule-form";
import { CLASSES, EFFECTS } from "./words";

/** One rule as a form, with its place among the others. */
export function RuleFields({
  rule,
  place,
  rules,
  refusal,
  onChange,
  onMove,
  onRemove,
}: {
  rule: RuleForm;
  place: number;
  rules: readonly RuleForm[];
  /** What the server said of this rule. */
  refusal: string | undefined;
  onChange: (rule: RuleForm) => void;
  onMove: (to: number) => void;
  onRemove: () => void;
}): ReactNode {
  const faults = faultsOfRule(rule, rules);
  const set = (changes: Partial<RuleForm>) => onChange({ ...rule, ...changes });
  const title = rule.name || "a new rule";
  return (
    <Card
      title={`${place + 1}. ${title}`}
      aside={
        <span className="row row-end">
          <button
            type="button"
            className="button"
            aria-label={`Ask ${title} earlier`}
            disabled={place === 0}
            onClick={() => onMove(place - 1)}
          >
            ↑
          </button>
          <button
            type="button"
            className="button"
            aria-label={`Ask ${title} later`}
            disabled={place === rules.length - 1}
            onClick={() => onMove(place + 1)}
          >
            ↓
          </button>
          <button type="button" className="button button-danger" aria-label={`Remove ${title}`} onClick={onRemove}>
            Remove
          </button>
        </span>
      }
    >
      <div className="card-body stack">
        {refusal !== undefined && (
          <p className="field-error" role="alert">
            {refusal}
          </p>
        )}
        <div className="fields">
          <TextField
            label="Name"
            value={rule.name}
            fault={rule.name === "" ? undefined : faults.name}
            onChange={(name) => set({ name })}
          />
          <Choice label="Effect" value={rule.effect} options={EFFECTS} onChange={(effect) => set({ effect })} />
          <TextField
            label="Tools"
            value={rule.tools}
            hint="names; * and ? match any"
            fault={faults.tools}
            onChange={(tools) => set({ tools })}
          />
          <ClassChoice label="From class" value={rule.from} onChange={(from) => set({ from })} />
          <ClassChoice label="To class" value={rule.to} fault={faults.to} onChange={(to) => set({ to })} />
          <TriChoice
            label="Has read untrusted text"
            value={rule.untrusted}
            onChange={(untrusted) => set({ untrusted })}
          />
          <TriChoice
            label="Has read sensitive text"
            value={rule.sensitive}
            onChange={(sensitive) => set({ sensitive })}
          />
        </div>
        <TextField
          label="Arguments"
          rows={rule.conditions === "" ? 2 : 6}
          value={rule.conditions}
          hint="a JSON schema that they have to meet; empty: any"
          placeholder='{"properties": {"amount": {"maximum": 50}}, "required": ["amount"]}'
          fault={faults.conditions}
          onChange={(conditions) => set({ conditions })}
        />
        <TextField
          label="Reason"
          value={rule.reason}
          hint="for the model, those who decide, and the log"
          onChange={(reason) => set({ reason })}
        />
        <EffectFields rule={rule} faults={faults} set={set} />
      </div>
    </Card>
  );
}

function EffectFields({
  rule,
  faults,
  set,
}: {
  rule: RuleForm;
  faults: ReturnType<typeof faultsOfRule>;
  set: (changes: Partial<RuleForm>) => void;
}): ReactNode {
  if (rule.effect === "deny") return null;
  return (
    <>
      <div className="fields">
        {rule.effect === "approve" && (
          <>
            <Choice
              label="Persons"
              value={String(rule.persons) as "1" | "2"}
              options={["1", "2"]}
              onChange={(persons) => set({ persons: persons === "2" ? 2 : 1 })}
            />
            <TextField
              label="Expires after"
              value={rule.expires}
              hint="seconds; empty: as the agent says"
              fault={faults.expires}
              onChange={(expires) => set({ expires })}
            />
          </>
        )}
        <TextField
          label="Calls at most"
          value={rule.calls}
          hint="empty: no rate limit"
          fault={faults.calls}
          onChange={(calls) => set({ calls })}
        />
        {rule.calls.trim() !== "" && (
          <>
            <TextField
              label="In any"
              value={rule.window}
              hint="seconds"
              fault={faults.window}
              onChange={(window) => set({ window })}
            />
            <Choice
              label="Counted per"
              value={rule.per}
              options={["tenant", "agent", "session"]}
              onChange={(per) => set({ per })}
            />
          </>
        )}
      </div>
      <Check
        label="Makes class 3 easier."
        hint={
          faults.irreversible ?? "Without it, what cannot be taken back needs two persons, whatever this rule says."
        }
        checked={rule.irreversible}
        onChange={(irreversible) => set({ irreversible })}
      />
    </>
  );
}

function Choice<T extends string>({
  label,
  value,
  options,
  fault,
  words = (option) => option,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly T[];
  fault?: string | undefined;
  words?: (option: T) => string;
  onChange: (value: T) => void;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input"
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {words(option)}
          </option>
        ))}
      </select>
      <Note id={`${id}-note`} hint="" fault={fault} />
    </div>
  );
}

function ClassChoice({
  label,
  value,
  fault,
  onChange,
}: {
  label: string;
  value: number;
  fault?: string | undefined;
  onChange: (value: number) => void;
}): ReactNode {
  return (
    <Choice
      label={label}
      value={String(value)}
      options={CLASSES.map((_, place) => String(place))}
      fault={fault}
      words={(option) => CLASSES[Number(option)] ?? option}
      onChange={(chosen) => onChange(Number(chosen))}
    />
  );
}

function TriChoice({
  label,
  value,
  onChange,
}: {
  label: string;
  value: Tri;
  onChange: (value: Tri) => void;
}): ReactNode {
  const words = (option: Tri) => (option === "" ? "either way" : option);
  return <Choice label={label} value={value} options={["", "yes", "no"]} words={words} onChange={onChange} />;
}
