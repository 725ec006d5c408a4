import { type ReactNode, useEffect, useRef } from "react";
import type { Rule } from "../api/schema.gen";
import { TableBox } from "../components/page";
import { Status } from "../components/status";
import { classWords, conditionWords, EFFECT_TONES, effectWords } from "./words";

/** Rules in the order in which they are asked; `marked` is the one that a link leads to. */
export function RuleTable({ rules, marked }: { rules: readonly Rule[]; marked: string | null }): ReactNode {
  return (
    <TableBox label="Rules in order">
      <thead>
        <tr>
          <th className="number">#</th>
          <th>Rule</th>
          <th>Effect</th>
          <th>Tools</th>
          <th className="wide">Class</th>
          <th className="wide">Only if</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule, place) => (
          <RuleRow key={rule.name} rule={rule} place={place + 1} isMarked={rule.name === marked} />
        ))}
      </tbody>
    </TableBox>
  );
}

function RuleRow({ rule, place, isMarked }: { rule: Rule; place: number; isMarked: boolean }): ReactNode {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isMarked) row.current?.scrollIntoView({ block: "center" });
  }, [isMarked]);
  const conditions = conditionWords(rule);
  return (
    <tr ref={row} id={`rule-${rule.name}`} className={isMarked ? "marked" : undefined} aria-current={isMarked}>
      <td className="number muted">{place}</td>
      <td>
        <b className="wrap">{rule.name}</b>
        {rule.reason && <div className="muted small wrap">{rule.reason}</div>}
      </td>
      <td>
        <Status tone={EFFECT_TONES[rule.effect]}>{effectWords(rule)}</Status>
      </td>
      <td className="mono">{rule.tools.join(", ")}</td>
      <td className="wide">{classWords(rule)}</td>
      <td className="wide small">
        {conditions.length === 0 ? (
          <span className="muted">always</span>
        ) : (
          conditions.map((words) => (
            <div key={words} className="mono wrap">
              {words}
            </div>
          ))
        )}
      </td>
    </tr>
  );
}

const DEFAULTS = [
  { name: "reads", effect: "allow", about: "class 0: what only reads" },
  { name: "scratch-writes", effect: "allow", about: "class 1: what stays in the sandbox or the run" },
  { name: "granted", effect: "allow", about: "class 2 that the agent's definition grants: hosts, notes, plug-ins" },
  { name: "external-effects", effect: "approve", about: "any other call of class 2, by one person" },
  { name: "irreversible", effect: "approve", about: "class 3, by two persons" },
] as const;

/** What decides where no rule of a policy fits. */
export function DefaultRules(): ReactNode {
  return (
    <TableBox label="Default rules in order">
      <thead>
        <tr>
          <th>Rule</th>
          <th>Effect</th>
          <th>About</th>
        </tr>
      </thead>
      <tbody>
        {DEFAULTS.map((rule) => (
          <tr key={rule.name}>
            <td>{rule.name}</td>
            <td>
              <Status tone={EFFECT_TONES[rule.effect]}>{rule.effect}</Status>
            </td>
            <td className="muted">{rule.about}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
