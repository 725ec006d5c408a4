import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { runQuery, workersQuery } from "../api/queries";
import type { Event, RunDetailView, RunView } from "../api/schema.gen";
import { RunBudget } from "../budget/run-budget";
import { CancelRun } from "../components/cancel-run";
import { useNow } from "../components/clock";
import { Card, Page } from "../components/page";
import { PauseRun } from "../components/pause-run";
import { Prose } from "../components/prose";
import { RunFacts } from "../components/run-facts";
import { Empty, Loaded } from "../components/states";
import { ACTIVE, RunBadge } from "../components/status";
import { Id } from "../components/values";
import { useRunEvents } from "../live/use-run-events";
import { useCan } from "../shell/me";
import { shortId } from "../text/format";
import { buildTimeline } from "../timeline/build";
import { explainRun } from "../timeline/explain";
import { Recalled, SpanDetail } from "../timeline/span-detail";
import { SpanTable } from "../timeline/span-table";
import { Waterfall } from "../timeline/waterfall";

const POLL_MS = 3_000;

export default function Run(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery({
    ...runQuery(id),
    refetchInterval: ({ state }) => (state.data && ACTIVE.has(state.data.status) ? POLL_MS : false),
  });
  return (
    <Page
      title={`Run ${shortId(id)}`}
      heading={
        <span className="row">
          Run <Id id={id} what="run id" />
          {query.data && <RunBadge status={query.data.status} stopping={query.data.cancel_requested_at !== null} />}
        </span>
      }
      crumb={{ to: "/runs", text: "Runs" }}
      actions={
        query.data && (
          <>
            <Link className="button" to={`/sessions/${query.data.session_id}`}>
              Open session
            </Link>
            <Link className="button" to={`/runs/${id}/trace`}>
              Trace
            </Link>
            <PauseRun run={query.data} big />
            <CancelRun run={query.data} big />
          </>
        )
      }
    >
      <Loaded query={query}>{(run) => <Body key={run.id} run={run} />}</Loaded>
    </Page>
  );
}

function Body({ run }: { run: RunDetailView }): ReactNode {
  const events = useRunEvents(run);
  return (
    <>
      <Why run={run} events={events.data ?? []} />
      <RunFacts run={run} events={events.data ?? []} />
      <Loaded query={events}>{(list) => <Talk events={list} run={run} />}</Loaded>
      <Card title="Timeline">
        <Loaded query={events}>{(list) => <Timeline events={list} isActive={ACTIVE.has(run.status)} />}</Loaded>
      </Card>
      <RunBudget run={run} />
      <Influences events={events.data ?? []} />
    </>
  );
}

function Why({ run, events }: { run: RunView; events: readonly Event[] }): ReactNode {
  const now = useNow();
  const can = useCan();
  const workers = useQuery({ ...workersQuery, enabled: can("admin") && run.status === "queued" });
  const explanation = explainRun(run, events, workers.data?.items ?? null, now);
  return (
    <div className={`notice notice-${explanation.tone}`} role="status">
      <b>{explanation.headline}</b>
      {explanation.detail && <span className="muted">{explanation.detail}</span>}
    </div>
  );
}

function Talk({ events, run }: { events: readonly Event[]; run: RunView }): ReactNode {
  const asked = events.find((event) => event.type === "message.created")?.payload;
  return (
    <div className="halves">
      {asked?.type === "message.created" && (
        <Card title="Asked">
          <p className="card-body wrap">{asked.content}</p>
        </Card>
      )}
      {run.output && (
        <Card title={run.status === "succeeded" ? "Answer" : "What it had written"}>
          <div className="card-body">
            <Prose text={run.output} />
          </div>
        </Card>
      )}
    </div>
  );
}

/** What memory gave to this run, with scores: what influenced its answers. */
function Influences({ events }: { events: readonly Event[] }): ReactNode {
  const recalls = events.flatMap(({ seq, step, payload }) =>
    payload.type === "memory.recalled" ? [{ seq, step, payload }] : [],
  );
  if (recalls.length === 0) return null;
  return (
    <Card title="What memory gave it">
      <div className="card-body stack">
        {recalls.map(({ seq, step, payload }) => (
          <section key={seq} className="stack" aria-label={`Recall at event ${seq}`}>
            <p className="small muted">
              {step === 0 ? "Before the first step" : `In step ${step}`}, asked for “{clipped(payload.query)}”
            </p>
            <Recalled recall={payload} />
          </section>
        ))}
      </div>
    </Card>
  );
}

function clipped(text: string): string {
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

function Timeline({ events, isActive }: { events: readonly Event[]; isActive: boolean }): ReactNode {
  const [params, setParams] = useSearchParams();
  const [asTable, setAsTable] = useState(false);
  const ticking = useNow();
  const spans = useMemo(() => buildTimeline(events, { active: isActive }), [events, isActive]);
  const now = isActive ? ticking : Date.parse(events.at(-1)?.at ?? "0");
  const selected = params.get("at");
  const behind = useMemo(() => {
    const seqs = new Set(spans.find((span) => span.key === selected)?.seqs);
    return events.filter((event) => seqs.has(event.seq));
  }, [spans, selected, events]);
  if (spans.length === 0) return <Empty title="Nothing has happened yet" />;
  function select(key: string): void {
    const next = new URLSearchParams(params);
    next.set("at", key);
    setParams(next, { replace: true, preventScrollReset: true });
  }
  return (
    <>
      <div className="card-body row">
        <Legend />
        <span className="grow" />
        <button type="button" className="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? "Show the picture" : "Show as a table"}
        </button>
      </div>
      {asTable ? (
        <SpanTable spans={spans} now={now} onSelect={select} />
      ) : (
        <Waterfall spans={spans} now={now} selected={selected} onSelect={select} />
      )}
      {behind.length > 0 ? (
        <SpanDetail events={behind} />
      ) : (
        <p className="card-body muted small">Choose a row to see the events behind it.</p>
      )}
    </>
  );
}

function Legend(): ReactNode {
  return (
    <div className="legend" aria-hidden="true">
      {["queue", "model", "tool", "memory", "capability", "failed"].map((kind) => (
        <span key={kind}>
          <i className={`i-${kind}`} />
          {kind}
        </span>
      ))}
    </div>
  );
}
