import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { runQuery } from "../api/queries";
import { lastFiringQuery } from "../api/schedules";
import type { FiringView } from "../api/schema.gen";
import { RunBadge, Status } from "../components/status";
import { useCan } from "../shell/me";

/** What became of a schedule's last due time. */
export function LastResult({ id }: { id: string }): ReactNode {
  const firing = useQuery(lastFiringQuery(id)).data;
  if (firing === undefined) return <span className="muted">…</span>;
  return firing === null ? <span className="muted">not yet</span> : <Outcome firing={firing} />;
}

const TONES = { submitted: "ok", skipped: "quiet", missed: "wait", failed: "bad" } as const;

/** A submitted one is worth what its run is worth. */
export function Outcome({ firing }: { firing: FiringView }): ReactNode {
  const can = useCan();
  const run = useQuery({
    ...runQuery(firing.run_id ?? ""),
    enabled: firing.run_id !== null && can("runs:read"),
    staleTime: 5_000,
    refetchInterval: ({ state }) => (state.data?.finished_at === null ? 5_000 : false),
  }).data;
  if (firing.run_id !== null) {
    return (
      <Link to={`/runs/${firing.run_id}`}>
        {run ? <RunBadge status={run.status} /> : <Status tone="ok">submitted</Status>}
      </Link>
    );
  }
  return <Status tone={TONES[firing.outcome]}>{firing.outcome}</Status>;
}
