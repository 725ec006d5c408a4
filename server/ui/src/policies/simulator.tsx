import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link } from "react-router";
import { Check, TextField } from "../agents/fields";
import { api, body } from "../api/client";
import type { Rule, RuleDecisionView, SimulatedCallView, Simulation, SimulationView } from "../api/schema.gen";
import { AgentSelect } from "../components/agent-select";
import { Card, TableBox } from "../components/page";
import { Empty, Failure } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { visible } from "../text/visible";
import { EFFECT_TONES, sourceWords } from "./words";

export interface Proposed {
  readonly rules: readonly Rule[];
  readonly agent: string | undefined;
}

/** What would be decided: about a call by hand, or about past ones. With `proposed`, also what that would change. */
export function Simulator({ proposed }: { proposed?: Proposed | null }): ReactNode {
  const [kind, setKind] = useState<"past" | "call">("past");
  const ask = useMutation({
    mutationFn: (about: Simulation) => body(api.POST("/v1/policies:simulate", { body: about })),
  });
  const with_ = proposed ? { proposed: { rules: [...proposed.rules], agent: proposed.agent ?? null } } : {};
  return (
    <Card
      title="Simulator"
      aside={
        <fieldset className="row" aria-label="What to judge">
          {(["past", "call"] as const).map((each) => (
            <button
              key={each}
              type="button"
              className={kind === each ? "button button-primary" : "button"}
              aria-pressed={kind === each}
              onClick={() => {
                setKind(each);
                ask.reset();
              }}
            >
              {each === "past" ? "Past calls" : "A call by hand"}
            </button>
          ))}
        </fieldset>
      }
    >
      <div className="card-body stack">
        <p className="muted small">
          {proposed === undefined
            ? "What the policies in force decide. Nothing is called."
            : "What the policies in force decide, and what they would with these rules. Nothing is called or saved."}
        </p>
        {kind === "past" ? (
          <PastForm busy={ask.isPending || proposed === null} onAsk={(past) => ask.mutate({ past, ...with_ })} />
        ) : (
          <CallForm
            busy={ask.isPending || proposed === null}
            agent={proposed?.agent}
            onAsk={(call) => ask.mutate({ call, ...with_ })}
          />
        )}
      </div>
      {ask.error && <Failure error={ask.error} />}
      {ask.data && <Outcome found={ask.data} compares={proposed !== undefined} />}
    </Card>
  );
}

function PastForm({
  busy,
  onAsk,
}: {
  busy: boolean;
  onAsk: (past: { last: number; run_id: string | null }) => void;
}): ReactNode {
  const [last, setLast] = useState("100");
  const [run, setRun] = useState("");
  const count = Number(last);
  const isGood = Number.isInteger(count) && count >= 1 && count <= 500;
  function submit(event: FormEvent): void {
    event.preventDefault();
    event.stopPropagation();
    if (isGood) onAsk({ last: count, run_id: run.trim() || null });
  }
  return (
    <form className="stack" onSubmit={submit}>
      <div className="fields">
        <TextField
          label="How many, newest first"
          value={last}
          fault={isGood ? undefined : "from 1 to 500"}
          onChange={setLast}
        />
        <TextField label="Only of run" value={run} hint="its id; empty: the latest runs" onChange={setRun} />
      </div>
      <div className="row">
        <button type="submit" className="button" disabled={busy || !isGood}>
          {busy ? "Not now" : "Judge past calls"}
        </button>
      </div>
    </form>
  );
}

function CallForm({
  busy,
  agent: first,
  onAsk,
}: {
  busy: boolean;
  agent: string | undefined;
  onAsk: (call: NonNullable<Simulation["call"]>) => void;
}): ReactNode {
  const [tool, setTool] = useState("http_get");
  const [text, setText] = useState('{"url": "https://example.org/"}');
  const [agent, setAgent] = useState(first);
  const [untrusted, setUntrusted] = useState(false);
  const [sensitive, setSensitive] = useState(false);
  const given = parsed(text);
  function submit(event: FormEvent): void {
    event.preventDefault();
    event.stopPropagation();
    if (given) onAsk({ tool: tool.trim(), arguments: given, agent: agent ?? null, untrusted, sensitive });
  }
  return (
    <form className="stack" onSubmit={submit}>
      <div className="fields">
        <TextField label="Tool" value={tool} onChange={setTool} />
        <div className="field">
          <span className="label">Whose call</span>
          <AgentSelect value={agent} onChange={setAgent} />
        </div>
      </div>
      <TextField
        label="Its arguments"
        rows={3}
        value={text}
        fault={given ? undefined : "a JSON object"}
        onChange={setText}
      />
      <Check label="Untrusted." hint="The run has read untrusted text." checked={untrusted} onChange={setUntrusted} />
      <Check label="Sensitive." hint="The run has read sensitive text." checked={sensitive} onChange={setSensitive} />
      <div className="row">
        <button type="submit" className="button" disabled={busy || !given || tool.trim() === ""}>
          {busy ? "Not now" : "Judge this call"}
        </button>
      </div>
    </form>
  );
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function Outcome({ found, compares }: { found: SimulationView; compares: boolean }): ReactNode {
  if (found.items.length === 0) {
    return (
      <Empty title="No tool was called yet">
        <p>Judge a call by hand instead.</p>
      </Empty>
    );
  }
  return (
    <>
      {compares && (
        <p className="card-body" role="status">
          <b>
            {found.differing} of {found.items.length}
          </b>{" "}
          would be decided otherwise.
        </p>
      )}
      <TableBox label="Decisions">
        <thead>
          <tr>
            <th>Call</th>
            <th>Now</th>
            {compares && <th>Then</th>}
            <th className="number wide">When</th>
          </tr>
        </thead>
        <tbody>
          {found.items.map((one, place) => (
            <CallRow key={one.past?.call_id ?? place} one={one} compares={compares} />
          ))}
        </tbody>
      </TableBox>
    </>
  );
}

function CallRow({ one, compares }: { one: SimulatedCallView; compares: boolean }): ReactNode {
  return (
    <tr className={one.differs ? "marked" : undefined}>
      <td>
        <span className="mono">{one.tool}</span>
        <div className="muted small clip mono">{visible(JSON.stringify(one.arguments))}</div>
      </td>
      <td>
        <Decision decision={one.current} />
      </td>
      {compares && <td>{one.proposed && <Decision decision={one.proposed} />}</td>}
      <td className="number wide">
        {one.past && (
          <Link to={`/runs/${one.past.run_id}?at=${one.past.seq}`}>
            <When at={one.past.at} />
          </Link>
        )}
      </td>
    </tr>
  );
}

function Decision({ decision }: { decision: RuleDecisionView }): ReactNode {
  const persons = decision.persons === 2 ? " by 2" : "";
  return (
    <>
      <Status tone={EFFECT_TONES[decision.effect]}>
        {decision.effect}
        {persons}
      </Status>
      <div className="small muted wrap">
        {decision.policy_id ? (
          <Link to={`/policies/${decision.policy_id}?rule=${encodeURIComponent(decision.rule)}`}>
            {sourceWords(decision)}
          </Link>
        ) : (
          sourceWords(decision)
        )}
      </div>
    </>
  );
}
