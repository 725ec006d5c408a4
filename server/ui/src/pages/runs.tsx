import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { useSearchParams } from "react-router";
import { newestRunsQuery, type RunFilter, type RunStatus, runsQuery } from "../api/queries";
import type { RunView } from "../api/schema.gen";
import { AgentSelect } from "../components/agent-select";
import { Card, Page } from "../components/page";
import { RunTable } from "../components/run-table";
import { Empty, Paged } from "../components/states";
import { RUN_STATUSES, statusWords } from "../components/status";
import { StuckRuns } from "../components/stuck-runs";
import { isInView, withHead } from "../components/windowing";
import { shortId } from "../text/format";
import { NoRuns } from "./overview";

const NEAR_END = "1200px";

export default function Runs(): ReactNode {
  const [params, setParams] = useSearchParams();
  const status = RUN_STATUSES.find((each) => each === params.get("status"));
  const agent = params.get("agent") ?? undefined;
  const session = params.get("session") ?? undefined;
  const isStuck = params.get("status") === "stuck";
  const filter: RunFilter = { status, agent_id: agent, session_id: session };
  const query = useInfiniteQuery(runsQuery(filter));
  const isFiltered = status !== undefined || agent !== undefined || session !== undefined;

  function set(name: string, value: string | undefined): void {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next);
  }
  return (
    <Page title="Runs">
      <div className="filters">
        <StatusChips status={isStuck ? "stuck" : status} onChange={(value) => set("status", value)} />
        <AgentSelect value={agent} onChange={(value) => set("agent", value)} />
        {session && (
          <button type="button" className="chip" aria-pressed="true" onClick={() => set("session", undefined)}>
            session {shortId(session)} ✕
          </button>
        )}
      </div>
      <Card>
        {isStuck ? (
          <StuckRuns />
        ) : (
          <Paged query={query} empty={isFiltered ? <Empty title="No run matches these filters" /> : <NoRuns />}>
            {(runs) => <LongRunTable runs={runs} query={query} filter={filter} />}
          </Paged>
        )}
      </Card>
    </Page>
  );
}

interface NextPage {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly data: { readonly pages: readonly unknown[] } | undefined;
  readonly fetchNextPage: () => unknown;
}

/** Reads the next page before its end is reached; a long list stays live at its top. */
function LongRunTable({
  runs,
  query,
  filter,
}: {
  runs: readonly RunView[];
  query: NextPage;
  filter: RunFilter;
}): ReactNode {
  const isLong = (query.data?.pages.length ?? 1) > 1;
  const head = useQuery(newestRunsQuery(filter, isLong)).data?.items;
  const shown = useMemo(() => (isLong && head ? withHead(head, runs) : runs), [isLong, head, runs]);
  const end = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page may push the end away and back between two looks
  useEffect(() => {
    const element = end.current;
    if (element === null || !hasNextPage || isFetchingNextPage) return;
    const observer = new IntersectionObserver((looks) => isInView(looks) && void fetchNextPage(), {
      rootMargin: NEAR_END,
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, runs.length]);
  return (
    <>
      <RunTable runs={shown} />
      <div ref={end} />
    </>
  );
}

function StatusChips({
  status,
  onChange,
}: {
  status: RunStatus | "stuck" | undefined;
  onChange: (status: RunStatus | "stuck" | undefined) => void;
}): ReactNode {
  return (
    <fieldset className="filters chips" aria-label="Status">
      {[undefined, ...RUN_STATUSES, "stuck" as const].map((each) => (
        <button
          key={each ?? "all"}
          type="button"
          className="chip"
          aria-pressed={each === status}
          onClick={() => onChange(each)}
        >
          {each === "stuck" ? each : each ? statusWords(each) : "all"}
        </button>
      ))}
    </fieldset>
  );
}
