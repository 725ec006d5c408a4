import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { page, paged, SLOW_MS } from "../api/queries";
import type { StuckRunView } from "../api/schema.gen";
import { duration } from "../text/format";
import { AgentName } from "./agent-name";
import { ActionsHead, TableBox } from "./page";
import { RequeueRun } from "./requeue-run";
import { Empty, Paged } from "./states";
import { RunBadge } from "./status";
import { Id, When } from "./values";

/** Runs that have been silent for too long. */
export const stuckQuery = infiniteQueryOptions({
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
              <ActionsHead />
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
                  <RequeueRun id={run.run_id} isHeld={isHeld(run)} />
                </td>
              </tr>
            ))}
          </tbody>
        </TableBox>
      )}
    </Paged>
  );
}

/** A worker that may be alive holds it. */
function isHeld(run: StuckRunView): boolean {
  return run.status === "running" && !run.reasons.some((reason) => reason.cause === "worker_gone");
}
