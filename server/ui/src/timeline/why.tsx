import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { runsQuery, workersQuery } from "../api/queries";
import type { Event, RunView, StuckReasonView } from "../api/schema.gen";
import { useNow } from "../components/clock";
import { ACTIVE } from "../components/status";
import { stuckQuery } from "../components/stuck-runs";
import { useCan } from "../shell/me";
import { explainRun } from "./explain";

// What this page says itself, without the server's word.
const SAID = new Set<StuckReasonView["cause"]>(["lease_held", "earlier_run", "waiting"]);

/** Why a run is where it is, and what the server sees that keeps it there. */
export function Why({ run, events }: { run: RunView; events: readonly Event[] }): ReactNode {
  const now = useNow();
  const can = useCan();
  const isQueued = run.status === "queued";
  const workers = useQuery({ ...workersQuery, enabled: can("admin") && isQueued });
  const siblings = useInfiniteQuery({ ...runsQuery({ session_id: run.session_id }), enabled: isQueued });
  const stuck = useInfiniteQuery({ ...stuckQuery, enabled: isQueued || run.status === "running" });
  const reasons = stuck.data?.pages.flatMap((page) => page.items).find((each) => each.run_id === run.id)?.reasons;
  const before = siblings.data?.pages
    .flatMap((page) => page.items)
    .findLast((each) => ACTIVE.has(each.status) && each.queued_seq < run.queued_seq);
  const around = { workers: workers.data?.items ?? null, before: before?.id ?? null };
  const explanation = explainRun(run, events, around, now);
  return (
    <div className={`notice notice-${explanation.tone}`} role="status">
      <b>{explanation.headline}</b>
      {explanation.detail && <span className="muted">{explanation.detail}</span>}
      {explanation.to && <Link to={explanation.to.href}>{explanation.to.text}</Link>}
      {reasons
        ?.filter((reason) => !SAID.has(reason.cause))
        .map((reason) => (
          <span key={reason.cause}>
            <b>{reason.cause.replaceAll("_", " ")}</b> <span className="muted">{reason.detail}</span>
          </span>
        ))}
    </div>
  );
}
