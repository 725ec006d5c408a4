import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { runEventsQuery, traceQuery } from "../api/queries";
import type { TraceView } from "../api/schema.gen";
import { money } from "../budget/share";
import { AgentName } from "../components/agent-name";
import { useNow } from "../components/clock";
import { Card, Page } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { ACTIVE, RunBadge } from "../components/status";
import { Copy, Fact, Id } from "../components/values";
import { count, duration, shortId } from "../text/format";
import { SpanDetail } from "../timeline/span-detail";
import { Waterfall } from "../timeline/waterfall";
import { asText, flatten, type Row } from "../trace/flatten";
import { TreeTable } from "../trace/tree-table";

/** The server's own account of a run: the tree of what it did, with timings, tokens, cost and versions. */
export default function Trace(): ReactNode {
  const { id = "" } = useParams();
  const query = useInfiniteQuery(traceQuery(id));
  const first = query.data?.pages[0];
  return (
    <Page
      title={`Trace of run ${shortId(id)}`}
      heading={
        <span className="row">
          Trace of <Id id={id} what="run id" to={`/runs/${id}`} />
          {first && <RunBadge status={first.run.status} stopping={first.run.cancel_requested_at !== null} />}
        </span>
      }
      crumb={{ to: `/runs/${id}`, text: "Run" }}
    >
      <Loaded query={query}>
        {({ pages }) => (
          <>
            <Facts pages={pages} />
            <Card title="What it did">
              <Tree id={id} pages={pages} />
              {query.hasNextPage && (
                <div className="card-body">
                  <button
                    type="button"
                    className="button"
                    disabled={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    {query.isFetchingNextPage ? "Loading…" : "Load the next part"}
                  </button>
                </div>
              )}
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Facts({ pages }: { pages: readonly TraceView[] }): ReactNode {
  const whole = pages[0];
  if (whole === undefined) return null;
  const models = [...new Set(pages.flatMap((page) => page.models))];
  const versions = new Map(pages.flatMap((page) => page.tool_versions).map((one) => [one.id, one]));
  return (
    <Card>
      <dl className="facts card-body">
        <Fact name="Took">{duration(whole.elapsed_s * 1000)}</Fact>
        <Fact name="Steps, model calls, tool calls">
          {whole.events_removed ? "–" : `${whole.spent.steps}, ${whole.spent.model_calls}, ${whole.spent.tool_calls}`}
        </Fact>
        <Fact name="Tokens">{whole.events_removed ? "–" : count(whole.spent.tokens)}</Fact>
        <Fact name="Cost">{whole.events_removed ? "–" : money(whole.spent.cost_micros)}</Fact>
        <Fact name="Agent">
          <AgentName id={whole.run.agent_id} />
          {whole.agent_version !== null && <span className="muted"> version {whole.agent_version}</span>}
        </Fact>
        <Fact name="Models">{models.join(", ") || "–"}</Fact>
        <Fact name="Evolved tools">
          {versions.size === 0
            ? "–"
            : [...versions.values()].map((one) => (
                <div key={one.id}>
                  {one.name} <span className="muted">version {one.version}</span>
                </div>
              ))}
        </Fact>
      </dl>
    </Card>
  );
}

function Tree({ id, pages }: { id: string; pages: readonly TraceView[] }): ReactNode {
  const rows = useMemo(() => flatten(pages.flatMap((page) => page.spans)), [pages]);
  const [params, setParams] = useSearchParams();
  const ticking = useNow();
  const [view, setView] = useState<"picture" | "table">("picture");
  if (pages[0]?.events_removed) {
    return (
      <Empty title="The events of this run are kept no longer">
        <p>
          Retention removed them (HORTUS_WORKER_EVENTS_KEEP_DAYS). The run itself, its answer and what it cost the
          tenant are still there.
        </p>
        <Link to={`/runs/${id}`}>Open the run</Link>
      </Empty>
    );
  }
  if (rows.length === 0) return <Empty title="Nothing has happened yet" />;
  const isActive = pages[0] !== undefined && ACTIVE.has(pages[0].run.status);
  const now = isActive ? ticking : Math.max(...rows.map((row) => row.end ?? row.start));
  const selected = params.get("at");
  function select(key: string): void {
    const next = new URLSearchParams(params);
    next.set("at", key);
    setParams(next, { replace: true, preventScrollReset: true });
  }
  return (
    <>
      <div className="card-body row">
        <span className="muted small grow">{count(rows.length)} rows</span>
        <span className="row small muted">
          Copy as a table <Copy text={asText(rows)} what="trace as a table" />
        </span>
        <button
          type="button"
          className="button"
          aria-pressed={view === "table"}
          onClick={() => setView(view === "table" ? "picture" : "table")}
        >
          {view === "table" ? "Show the picture" : "Show as a table"}
        </button>
      </div>
      {view === "table" ? (
        <TreeTable rows={rows} now={now} onSelect={select} />
      ) : (
        <Waterfall spans={rows} now={now} selected={selected} onSelect={select} />
      )}
      <Behind id={id} row={rows.find((row) => row.key === selected)} />
    </>
  );
}

function Behind({ id, row }: { id: string; row: Row | undefined }): ReactNode {
  const events = useQuery({ ...runEventsQuery(id), enabled: row !== undefined });
  if (row === undefined) return <p className="card-body muted small">Choose a row to see the events behind it.</p>;
  const seqs = new Set(row.seqs);
  return (
    <>
      {row.source.memories.length > 0 && (
        <ul className="card-body small" aria-label="Memories that it was shown">
          {row.source.memories.map((memory) => (
            <li key={memory.memory_id}>
              <Link to={`/memory/${memory.memory_id}`}>{memory.title}</Link>{" "}
              <span className="muted">score {memory.score.toFixed(2)}</span>
            </li>
          ))}
        </ul>
      )}
      <Loaded query={events}>{(list) => <SpanDetail events={list.filter((event) => seqs.has(event.seq))} />}</Loaded>
    </>
  );
}
