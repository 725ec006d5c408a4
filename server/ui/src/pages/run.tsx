import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { runEventsQuery, runQuery } from "../api/queries";
import type { Event, RunDetailView, RunView } from "../api/schema.gen";
import { RunBudget } from "../budget/run-budget";
import { CancelRun } from "../components/cancel-run";
import { RunFiles } from "../components/files";
import { Fork } from "../components/fork";
import { Card, Page } from "../components/page";
import { PauseRun } from "../components/pause-run";
import { Prose } from "../components/prose";
import { RequeueRun } from "../components/requeue-run";
import { RunFacts } from "../components/run-facts";
import { Loaded } from "../components/states";
import { ACTIVE, RunBadge } from "../components/status";
import { Id } from "../components/values";
import { useRunEvents } from "../live/use-run-events";
import { shortId } from "../text/format";
import { tame } from "../text/visible";
import { Influences } from "../timeline/influences";
import { RunTimeline } from "../timeline/run-timeline";
import { Why } from "../timeline/why";

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
            <ForkRun run={query.data} />
            <Requeue run={query.data} />
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

/** Go on from what this run has done so far, in a session of its own. */
function ForkRun({ run }: { run: RunView }): ReactNode {
  const last = useQuery({ ...runEventsQuery(run.id), enabled: false }).data?.at(-1);
  return last ? <Fork sessionId={run.session_id} seq={last.seq} big /> : null;
}

/** For a run that waits in the queue, or that a worker holds without getting on; what waits is ended otherwise. */
function Requeue({ run }: { run: RunView }): ReactNode {
  if (run.status !== "queued" && run.status !== "running") return null;
  return <RequeueRun id={run.id} isHeld={run.status === "running"} big />;
}

function Body({ run }: { run: RunDetailView }): ReactNode {
  const events = useRunEvents(run);
  return (
    <>
      <Why run={run} events={events.data ?? []} />
      <RunFacts run={run} events={events.data ?? []} />
      <Loaded query={events}>{(list) => <Talk events={list} run={run} />}</Loaded>
      <Card title="Timeline">
        <Loaded query={events}>{(list) => <RunTimeline events={list} isActive={ACTIVE.has(run.status)} />}</Loaded>
      </Card>
      <RunFiles runId={run.id} events={events.data ?? []} />
      <RunBudget run={run} />
      <Influences events={events.data ?? []} />
    </>
  );
}

function Talk({ events, run }: { events: readonly Event[]; run: RunView }): ReactNode {
  const asked = events.find((event) => event.type === "message.created")?.payload;
  return (
    <div className="halves">
      {asked?.type === "message.created" && (
        <Card title="Asked">
          <p className="card-body wrap">{tame(asked.content)}</p>
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
