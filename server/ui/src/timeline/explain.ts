import type { Event, RunView, WorkerView } from "../api/schema.gen";
import { duration } from "../text/format";

export interface Explanation {
  readonly tone: "ok" | "busy" | "waiting" | "bad" | "quiet";
  readonly headline: string;
  readonly detail: string;
  /** Where something can be done about it. */
  readonly to?: { readonly href: string; readonly text: string };
}

/** What is known of the rest: `workers` null means not known, `before` is the session's run that comes first. */
export interface Around {
  readonly workers: readonly WorkerView[] | null;
  readonly before: string | null;
}

const SILENT_MS = 60_000;

/** Why a run is where it is, for somebody who has to decide what to do about it. */
export function explainRun(run: RunView, events: readonly Event[], around: Around, now: number): Explanation {
  switch (run.status) {
    case "queued":
      return queued(run, around, now);
    case "waiting":
      return waiting(run, events, now);
    case "running":
      return running(run, events, now);
    case "succeeded":
      return { tone: "ok", headline: "Succeeded", detail: took(run) };
    case "failed":
      return {
        tone: "bad",
        headline: `Failed: ${run.error_code ?? "unknown"}`,
        detail: run.error_message ?? "No message was kept.",
      };
    case "cancelled":
      return { tone: "quiet", headline: "Cancelled", detail: ending(events) };
    case "budget_exhausted":
      return { tone: "waiting", headline: "Stopped by a limit", detail: ending(events) };
  }
}

function queued(run: RunView, { workers, before }: Around, now: number): Explanation {
  const since = `for ${duration(now - Date.parse(run.created_at))}`;
  const say = (detail: string): Explanation => ({ tone: "waiting", headline: `Queued ${since}`, detail });
  if (run.cancel_requested_at) return say("A stop was asked for; it ends before it begins.");
  if (before !== null) {
    const to = { href: `/runs/${before}`, text: "The run before it" };
    return { ...say("A session's runs work one after the other, and another one comes first."), to };
  }
  if (workers === null) return say("No worker has claimed it yet.");
  if (workers.length === 0) return say("No worker answers. Start one with `hortus worker`, or look at its log.");
  const running = workers.filter((worker) => worker.state === "running");
  if (running.length === 0) return say("Every worker is draining and takes nothing new. Resume one under Workers.");
  if (running.every((worker) => worker.active >= worker.concurrency)) {
    return say("Every worker is full. It starts when one of their runs ends.");
  }
  return say("A worker has room. It starts within moments; a lost wake-up is sent again by the reaper.");
}

/** `Waits for an approval`, as a list of runs says it. */
export function waitWords(kind: NonNullable<RunView["waiting_for"]>["kind"]): string {
  return WAITS[kind].headline;
}

const WAITS: Record<NonNullable<RunView["waiting_for"]>["kind"], { headline: string; detail: string }> = {
  approval: { headline: "Waits for an approval", detail: "Somebody has to decide about a tool call, under Approvals." },
  input: { headline: "Waits for an answer", detail: "It asked something; it is answered under Approvals." },
  timer: { headline: "Waits for a time", detail: "It goes on by itself." },
  children: { headline: "Waits for runs that it started", detail: "It goes on when they have ended." },
  model: {
    headline: "Waits for the model",
    detail: "Its endpoint does not answer; it goes on by itself when it does.",
  },
  paused: { headline: "Paused", detail: "It holds no worker and goes on where it stopped." },
  frozen: { headline: "Frozen", detail: "It was stopped before a side effect. Look at it, then resume." },
};

function waiting(run: RunView, events: readonly Event[], now: number): Explanation {
  const why = run.waiting_for;
  const last = events.findLast((event) => event.type === "run.waiting");
  const since = last ? ` for ${duration(now - Date.parse(last.at))}` : "";
  if (!why) return { tone: "waiting", headline: `Waiting${since}`, detail: "The log does not say for what." };
  const { headline, detail } = WAITS[why.kind];
  const reason = why.detail ? `Reason: ${why.detail}. ` : "";
  const said = { tone: "waiting", headline: `${headline}${since}`, detail: `${reason}${detail}` } as const;
  const asks = (why.kind === "approval" || why.kind === "input") && why.ref_id;
  return asks ? { ...said, to: { href: `/approvals?id=${asks}`, text: "Decide" } } : said;
}

function running(run: RunView, events: readonly Event[], now: number): Explanation {
  if (run.cancel_requested_at) {
    const since = duration(now - Date.parse(run.cancel_requested_at));
    return {
      tone: "waiting",
      headline: "Stopping",
      detail: `A stop was asked for ${since} ago; its worker aborts what is under way.`,
    };
  }
  const last = events.at(-1);
  if (!last) return { tone: "busy", headline: "Running", detail: "Claimed; no event yet." };
  const silent = now - Date.parse(last.at);
  const doing = activity(last);
  if (silent > SILENT_MS) {
    return {
      tone: "waiting",
      headline: `Nothing new for ${duration(silent)}`,
      detail: `${doing} If this is too long, stop the run.`,
    };
  }
  return { tone: "busy", headline: "Running", detail: doing };
}

function activity(last: Event): string {
  const p = last.payload;
  switch (p.type) {
    case "run.started":
    case "memory.recalled":
      return "The model is reading the task.";
    case "step.started":
      return `Step ${last.step}: the model is answering.`;
    case "tool.finished":
      return `The model is reading what ${p.name} gave.`;
    case "tool.called":
      return `Step ${last.step}: the tool ${p.name} is at work.`;
    case "model.failed":
      return p.will_retry
        ? `The model call failed (${p.code}) and is tried again.`
        : `The model call failed: ${p.message}`;
    case "capability.requested":
    case "capability.proposed":
      return `Step ${last.step}: the tool ${p.name} is being made.`;
    case "capability.tested":
      return `Step ${last.step}: a new tool was tested; ${p.passed ? "it is activated" : "it is written again"}.`;
    default:
      return `Last event: ${last.type}.`;
  }
}

function ending(events: readonly Event[]): string {
  const p = events.findLast(
    (event) => event.type === "run.cancelled" || event.type === "run.budget_exhausted",
  )?.payload;
  if (p?.type === "run.cancelled") return `Reason: ${p.reason}. It is never counted as a failure.`;
  if (p?.type === "run.budget_exhausted") {
    return `The limit of ${p.limit.replaceAll("_", " ")} was reached. What it had written is kept.`;
  }
  return "";
}

function took(run: RunView): string {
  if (!run.started_at || !run.finished_at) return "";
  const waited = Date.parse(run.started_at) - Date.parse(run.created_at);
  return `Took ${duration(Date.parse(run.finished_at) - Date.parse(run.started_at))}, after ${duration(waited)} in the queue.`;
}
