import type { ReactNode } from "react";
import type { RunStatus } from "../api/queries";

export type Tone = "ok" | "busy" | "wait" | "bad" | "quiet" | "violet";

const RUN_TONES: Record<RunStatus, Tone> = {
  queued: "quiet",
  running: "busy",
  waiting: "wait",
  succeeded: "ok",
  failed: "bad",
  cancelled: "quiet",
  budget_exhausted: "violet",
};

export const RUN_STATUSES = Object.keys(RUN_TONES) as RunStatus[];
export const ACTIVE: ReadonlySet<RunStatus> = new Set<RunStatus>(["queued", "running", "waiting"]);

export function statusWords(status: RunStatus): string {
  return status === "budget_exhausted" ? "out of budget" : status;
}

/** A colour, a shape and a word. */
export function Status({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return <span className={`status status-${tone}`}>{children}</span>;
}

export function RunBadge({ status, stopping = false }: { status: RunStatus; stopping?: boolean }): ReactNode {
  if (stopping && ACTIVE.has(status)) return <Status tone="wait">stopping</Status>;
  return <Status tone={RUN_TONES[status]}>{statusWords(status)}</Status>;
}

const STATE_TONES: Record<string, Tone> = {
  active: "ok",
  tested: "busy",
  proposed: "wait",
  quarantined: "wait",
  disabled: "quiet",
  rolled_back: "quiet",
  rejected: "bad",
  ok: "ok",
  down: "bad",
  ready: "ok",
  degraded: "wait",
  unavailable: "bad",
  running: "ok",
  draining: "wait",
};

/** The state of a tool version, a component or a worker. */
export function StateBadge({ state }: { state: string }): ReactNode {
  return <Status tone={STATE_TONES[state] ?? "quiet"}>{state.replaceAll("_", " ")}</Status>;
}
