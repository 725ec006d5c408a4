import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Event, MemoryRecalled, PolicyDecided } from "../api/schema.gen";
import { CallFiles } from "../components/files";
import { Fork } from "../components/fork";
import { Code, Json } from "../components/prose";
import { Status } from "../components/status";
import { Id, When } from "../components/values";
import { Marks } from "../labels/marks-view";
import { reasonWords } from "../memory/reasons";
import { EFFECT_TONES, sourceWords } from "../policies/words";
import { absolute } from "../text/format";
import { tame } from "../text/visible";
import { PlanView } from "./plan-view";
import { SentRequest } from "./sent-request";

/** The events behind a row of the timeline, each as what it means and, folded, as it is stored. */
export function SpanDetail({ events, forks = false }: { events: readonly Event[]; forks?: boolean }): ReactNode {
  return (
    <div className="stack card-body">
      {events.map((event) => (
        <article key={event.seq} className="stack">
          <div className="row small">
            <b>{event.type}</b>
            <span className="muted grow" title={event.at}>
              #{event.seq}, {absolute(event.at)}
            </span>
            {forks && <Fork sessionId={event.session_id} seq={event.seq} />}
          </div>
          <Meaning event={event} />
          {event.payload.type === "tool.finished" && event.run_id !== null && (
            <CallFiles runId={event.run_id} seq={event.seq} end={event.payload} />
          )}
          <details>
            <summary className="small muted">as stored</summary>
            <Json value={event} />
          </details>
        </article>
      ))}
    </div>
  );
}

function Meaning({ event }: { event: Event }): ReactNode {
  const p = event.payload;
  switch (p.type) {
    case "model.called":
      return (
        <>
          <p className="small muted">
            {p.usage.prompt_tokens} tokens in ({p.usage.cached_tokens} from the prefix cache),{" "}
            {p.usage.completion_tokens} out; {p.tool_mode}, finished by {p.finish_reason}
          </p>
          <pre className="raw">{tame(p.text)}</pre>
          {p.purpose === "act" && event.run_id && <SentRequest run={event.run_id} seq={event.seq} />}
        </>
      );
    case "tool.called":
      return (
        <>
          <Json value={p.arguments} />
          {p.tool_version_id && (
            <p className="small">
              evolved tool, version <Id id={p.tool_version_id} what="tool version id" />
            </p>
          )}
        </>
      );
    case "policy.decided":
      return <Decided decided={p} />;
    case "tool.finished":
      return (
        <>
          <div className="row small">
            <Status tone={p.outcome === "ok" ? "ok" : "bad"}>{p.outcome}</Status>
            <Marks label={p.label} />
            {p.tier && <span className="muted">sandbox: {p.tier}</span>}
            {p.truncated && <span className="muted">shortened for the model</span>}
          </div>
          <pre className="raw">{tame(p.content)}</pre>
        </>
      );
    case "message.created":
    case "message.completed":
      return (
        <>
          {p.label && (
            <div className="row small">
              <Marks label={p.label} />
            </div>
          )}
          <p className="wrap">{tame(p.content)}</p>
        </>
      );
    case "plan.made":
      return <PlanView plan={p.plan} problem={p.problem ?? null} />;
    case "plan.advanced":
      return p.tainted && p.tainted.length > 0 ? (
        <p className="small">from untrusted text: {p.tainted.join(", ")}</p>
      ) : null;
    case "approval.requested":
      return (
        <p className="small">
          {p.reason} <Link to={`/approvals?show=all&id=${p.approval_id}`}>Open the approval</Link>
        </p>
      );
    case "approval.decided":
      return (
        <p className="small">
          {p.decision} by {p.by}
          {p.reason && `: ${p.reason}`}
        </p>
      );
    case "run.waiting":
      return <p className="small">{p.reason.detail || `waits for: ${p.reason.kind}`}</p>;
    case "memory.recalled":
      return <Recalled recall={p} />;
    case "memory.written":
      return <Link to={`/memory/${p.memory_id}`}>{p.title}</Link>;
    case "capability.activated":
    case "capability.reused":
    case "capability.proposed":
    case "capability.disabled":
      return <Link to={`/tools/${p.tool_id}`}>{p.name}</Link>;
    case "capability.tested":
      return <p className="small">{p.detail}</p>;
    case "run.failed":
    case "model.failed":
      return <Code language="text" source={`${p.code}: ${p.message}`} />;
    default:
      return null;
  }
}

/** Why a call was denied or left to a person, with a way to the rule. */
function Decided({ decided }: { decided: PolicyDecided }): ReactNode {
  const words = sourceWords({
    policy: decided.policy,
    policy_id: decided.policy_id ?? null,
    policy_version: decided.policy_version,
    rule: decided.rule,
  });
  const rule = new URLSearchParams({ rule: decided.rule, version: String(decided.policy_version) });
  return (
    <>
      <div className="row small">
        <Status tone={EFFECT_TONES[decided.effect]}>{decided.effect}</Status>
        {decided.policy_id ? <Link to={`/policies/${decided.policy_id}?${rule}`}>{words}</Link> : <span>{words}</span>}
      </div>
      {decided.reason && <p className="wrap">{tame(decided.reason)}</p>}
    </>
  );
}

/** What memory gave, with scores and reasons, and a way to each memory. */
export function Recalled({ recall }: { recall: MemoryRecalled }): ReactNode {
  return (
    <div className="stack small">
      {recall.unavailable && <Status tone="bad">memory was not available</Status>}
      {recall.low_confidence && recall.items.length > 0 && !recall.unavailable && (
        <Status tone="wait">low confidence: none of these may fit</Status>
      )}
      {recall.items.length === 0 && <p className="muted">nothing came to mind</p>}
      {recall.items.map((item) => (
        <div key={item.memory_id}>
          <Link to={`/memory/${item.memory_id}`}>{tame(item.title)}</Link> <Marks label={item.label} />{" "}
          <span className="muted">
            score {item.score.toFixed(2)}, <When at={item.occurred_at} />
          </span>
          {item.why && <div className="muted">found by {reasonWords(item.why)}</div>}
          <p className="muted wrap">{tame(item.content)}</p>
        </div>
      ))}
    </div>
  );
}
