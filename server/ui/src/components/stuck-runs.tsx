import { infiniteQueryOptions, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { page, paged, SLOW_MS } from "../api/queries";
import type { StuckRunView } from "../api/schema.gen";
import { useCan } from "../shell/me";
import { duration } from "../text/format";
import { AgentName } from "./agent-name";
import { Confirm } from "./dialog";
import { TableBox } from "./page";
import { Empty, Paged } from "./states";
import { RunBadge } from "./status";
import { useToasts } from "./toasts";
import { Id, When } from "./values";

const stuckQuery = infiniteQueryOptions({
  queryKey: ["stuck"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/runs/stuck", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

/** Runs that have been silent for too long, with what the system sees of why. */
export function StuckRuns(): ReactNode {
  const query = useInfiniteQuery(stuckQuery);
  return (
    <Paged
      query={query}
      empty={
        <Empty title="No run is stuck">
          <p>A run stands here when its log has been silent for longer than its kind of work should take.</p>
        </Empty>
      }
    >
      {(runs) => (
        <TableBox label="Stuck runs">
          <thead>
            <tr>
              <th>Status</th>
              <th>Run</th>
              <th className="wide">Agent</th>
              <th>What keeps it</th>
              <th className="number wide">Last sign</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={run.run_id}>
                <td>
                  <Link to={`/runs/${run.run_id}`}>
                    <RunBadge status={run.status} />
                  </Link>
                </td>
                <td>
                  <Id id={run.run_id} to={`/runs/${run.run_id}`} what="run id" />
                </td>
                <td className="wide">
                  <AgentName id={run.agent_id} />
                </td>
                <td>
                  {run.reasons.map((reason) => (
                    <div key={reason.cause}>
                      <b>{reason.cause.replaceAll("_", " ")}</b> <span className="muted">{reason.detail}</span>
                    </div>
                  ))}
                </td>
                <td className="number wide" title={`silent for ${duration(run.silent_s * 1000)}`}>
                  {run.last_event.type} <When at={run.last_event.at} />
                </td>
                <td className="number">
                  <Requeue run={run} />
                </td>
              </tr>
            ))}
          </tbody>
        </TableBox>
      )}
    </Paged>
  );
}

/** Sends the run's wake-up again; a worker that lives keeps it unless that is taken from it, which is asked. */
function Requeue({ run }: { run: StuckRunView }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  if (!can("runs:write")) return null;
  const isHeld = run.status === "running" && !run.reasons.some((reason) => reason.cause === "worker_gone");
  async function go(): Promise<void> {
    try {
      const params = { path: { run_id: run.run_id } };
      await api.POST("/v1/runs/{run_id}/requeue", { params, body: { force: isHeld } });
      tell("It is looked at again");
    } catch (error) {
      fail(error as Error);
    }
    await client.invalidateQueries({ queryKey: stuckQuery.queryKey });
  }
  return (
    <Confirm
      label="Requeue"
      className="button"
      title="Requeue this run?"
      detail={
        isHeld
          ? "It is taken from its worker, which may still be at work; another goes on from the log. Nothing that was committed is repeated."
          : "Its wake-up is sent again; a worker goes on from the log."
      }
      onConfirm={go}
    />
  );
}
