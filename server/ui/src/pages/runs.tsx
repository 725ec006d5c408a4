import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { type RunStatus, runsQuery } from "../api/queries";
import { AgentSelect } from "../components/agent-select";
import { Card, Page } from "../components/page";
import { RunTable } from "../components/run-table";
import { Empty, Paged } from "../components/states";
import { RUN_STATUSES, statusWords } from "../components/status";
import { shortId } from "../text/format";
import { NoRuns } from "./overview";

export default function Runs(): ReactNode {
  const [params, setParams] = useSearchParams();
  const status = RUN_STATUSES.find((each) => each === params.get("status"));
  const agent = params.get("agent") ?? undefined;
  const session = params.get("session") ?? undefined;
  const query = useInfiniteQuery(runsQuery({ status, agent_id: agent, session_id: session }));
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
        <StatusChips status={status} onChange={(value) => set("status", value)} />
        <AgentSelect value={agent} onChange={(value) => set("agent", value)} />
        {session && (
          <button type="button" className="chip" aria-pressed="true" onClick={() => set("session", undefined)}>
            session {shortId(session)} ✕
          </button>
        )}
      </div>
      <Card>
        <Paged query={query} empty={isFiltered ? <Empty title="No run matches these filters" /> : <NoRuns />}>
          {(runs) => <RunTable runs={runs} />}
        </Paged>
      </Card>
    </Page>
  );
}

function StatusChips({
  status,
  onChange,
}: {
  status: RunStatus | undefined;
  onChange: (status: RunStatus | undefined) => void;
}): ReactNode {
  return (
    <fieldset className="filters chips" aria-label="Status">
      {[undefined, ...RUN_STATUSES].map((each) => (
        <button
          key={each ?? "all"}
          type="button"
          className="chip"
          aria-pressed={each === status}
          onClick={() => onChange(each)}
        >
          {each ? statusWords(each) : "all"}
        </button>
      ))}
    </fieldset>
  );
}
