import type { Event, MemoryRecalled, ToolCalled, ToolFinished } from "../api/schema.gen";
import { waitWords } from "../timeline/explain";

export type Item =
  | {
      readonly kind: "user";
      readonly seq: number;
      readonly at: string;
      readonly content: string;
      /** Told to a run that was at work. */
      readonly steers: boolean;
    }
  | { readonly kind: "answer"; readonly seq: number; readonly at: string; readonly content: string }
  | { readonly kind: "recall"; readonly seq: number; readonly recall: MemoryRecalled }
  | {
      readonly kind: "call";
      readonly seq: number;
      readonly call: ToolCalled;
      readonly result: ToolFinished | null;
      /** Number of the event that ended it; 0 while it is at work. */
      readonly endSeq: number;
    }
  | {
      readonly kind: "note";
      readonly seq: number;
      readonly tone: "plain" | "good" | "bad";
      readonly text: string;
      readonly detail: string;
      readonly to: string | null;
    };

/** One run as a turn of the conversation; `end` is the terminal event's type. */
export interface Turn {
  readonly key: string;
  readonly runId: string | null;
  readonly items: readonly Item[];
  /** A worker has taken it up; before that it waits its turn. */
  readonly isStarted: boolean;
  /** It stands still until a person, a time or something else lets it go on. */
  readonly isWaiting: boolean;
  /** Number of its last event: from there the conversation can be forked. */
  readonly lastSeq: number;
  readonly end: { readonly type: string; readonly detail: string; readonly partial: string } | null;
}

interface Draft {
  key: string;
  runId: string | null;
  items: Item[];
  isStarted: boolean;
  isWaiting: boolean;
  lastSeq: number;
  end: Turn["end"];
}

/** The conversation that a log tells, oldest first; events that a reader of a chat does not need are left out. */
export function buildTurns(events: readonly Event[]): Turn[] {
  const turns: Draft[] = [];
  const byRun = new Map<string, Draft>();
  const calls = new Map<string, { turn: Draft; index: number }>();
  for (const event of events) {
    const turn = turnOf(event, turns, byRun);
    turn.lastSeq = event.seq;
    if (event.type === "run.waiting") turn.isWaiting = true;
    if (event.type === "run.resumed" || event.type === "run.started") turn.isWaiting = false;
    turn.isStarted ||= event.type === "run.started" || event.step > 0;
    const p = event.payload;
    if (p.type === "tool.called") {
      calls.set(p.call_id, { turn, index: turn.items.length });
      turn.items.push({ kind: "call", seq: event.seq, call: p, result: null, endSeq: 0 });
    } else if (p.type === "tool.finished") {
      const place = calls.get(p.call_id);
      const open = place?.turn.items[place.index];
      if (place && open?.kind === "call") place.turn.items[place.index] = { ...open, result: p, endSeq: event.seq };
      else turn.items.push(note(event, `${p.name}: ${p.outcome}`, p.content, p.outcome === "ok" ? "plain" : "bad"));
    } else if (isEnd(p)) {
      turn.end = ending(p);
    } else {
      const item = itemOf(event);
      if (item) turn.items.push(item);
    }
  }
  return turns.filter((turn) => turn.items.length > 0 || turn.end !== null);
}

/** The same turns, each the object of `before` where nothing was added to it: what did not change is not rendered anew. */
export function keepTurns(before: readonly Turn[], after: readonly Turn[]): readonly Turn[] {
  return after.map((turn, place) => {
    const known = before[place];
    return known && known.key === turn.key && known.lastSeq === turn.lastSeq ? known : turn;
  });
}

/** The run that is at work; where none is, the one that comes next. A session's runs work one after the other. */
export function activeRun(turns: readonly Turn[]): string | null {
  const open = turns.filter((turn) => turn.runId !== null && turn.end === null);
  return (open.find((turn) => turn.isStarted) ?? open[0])?.runId ?? null;
}

function turnOf(event: Event, turns: Draft[], byRun: Map<string, Draft>): Draft {
  const known = event.run_id === null ? undefined : byRun.get(event.run_id);
  if (known) return known;
  const turn: Draft = {
    key: `${event.run_id ?? "session"}-${event.seq}`,
    runId: event.run_id,
    items: [],
    isStarted: false,
    isWaiting: false,
    lastSeq: event.seq,
    end: null,
  };
  turns.push(turn);
  if (event.run_id !== null) byRun.set(event.run_id, turn);
  return turn;
}

type End = Extract<
  Event["payload"],
  { type: "run.succeeded" | "run.failed" | "run.cancelled" | "run.budget_exhausted" }
>;

function isEnd(p: Event["payload"]): p is End {
  return (
    p.type === "run.succeeded" ||
    p.type === "run.failed" ||
    p.type === "run.cancelled" ||
    p.type === "run.budget_exhausted"
  );
}

function ending(p: End): Turn["end"] {
  switch (p.type) {
    case "run.succeeded":
      return { type: p.type, detail: "", partial: "" };
    case "run.failed":
      return { type: p.type, detail: `${p.code}: ${p.message}`, partial: "" };
    case "run.cancelled":
      return { type: p.type, detail: p.reason, partial: p.partial_output };
    case "run.budget_exhausted":
      return { type: p.type, detail: `limit: ${p.limit.replaceAll("_", " ")}`, partial: p.partial_output };
  }
}

function note(
  event: Event,
  text: string,
  detail = "",
  tone: "plain" | "good" | "bad" = "plain",
  to: string | null = null,
): Item {
  return { kind: "note", seq: event.seq, tone, text, detail, to };
}

function itemOf(event: Event): Item | null {
  const p = event.payload;
  switch (p.type) {
    case "message.created":
      return { kind: "user", seq: event.seq, at: event.at, content: p.content, steers: p.steers === true };
    case "message.completed":
      return { kind: "answer", seq: event.seq, at: event.at, content: p.content };
    case "memory.recalled":
      return { kind: "recall", seq: event.seq, recall: p };
    case "run.started":
      return p.generation > 1 ? note(event, `taken over by ${p.worker_id}`, "its worker went silent") : null;
    case "message.restarted":
      return note(event, "the answer begins again", p.reason);
    case "approval.requested":
      return note(event, `asks a person: ${p.name}`, p.reason, "plain", `/approvals?id=${p.approval_id}`);
    case "approval.decided": {
      const words = p.outcome === "pending" ? `one of several agrees: ${p.by}` : `${p.outcome} by ${p.by}`;
      const tone = p.outcome === "denied" ? "bad" : p.outcome === "pending" ? "plain" : "good";
      return note(event, words, [p.answer, p.reason].filter(Boolean).join("; "), tone);
    }
    case "approval.expired":
      return note(event, "nobody decided in time, which means no", "", "bad", `/approvals?id=${p.approval_id}`);
    case "run.waiting":
      return p.reason.kind === "approval" || p.reason.kind === "input"
        ? null
        : note(event, waitWords(p.reason.kind), p.reason.detail);
    case "budget.warned":
      return note(event, `nearly used up: ${p.limit.replaceAll("_", " ")}`, `${p.used} of ${p.bound}`);
    case "model.failed":
      return note(event, `model call failed (${p.code})${p.will_retry ? ", tried again" : ""}`, p.message, "bad");
    case "tool.in_doubt":
      return note(event, `${p.name} is in doubt`, `policy: ${p.policy}`, "bad");
    case "memory.written":
      return note(event, `remembered: ${p.title}`, p.kind, "plain", `/memory/${p.memory_id}`);
    case "capability.requested":
      return note(event, `asks for a tool: ${p.name}`, p.purpose);
    case "capability.proposed":
      return note(event, `wrote ${p.name}, attempt ${p.attempt}`, "", "plain", `/tools/${p.tool_id}`);
    case "capability.tested":
      return note(
        event,
        p.passed ? "the new tool passed its tests" : "the new tool failed its tests",
        p.detail,
        p.passed ? "good" : "bad",
      );
    case "capability.activated":
      return note(
        event,
        `new tool ${p.name}, version ${p.version}`,
        "ready for every session",
        "good",
        `/tools/${p.tool_id}`,
      );
    case "capability.reused":
      return note(
        event,
        `reuses ${p.name}, version ${p.version}`,
        `score ${p.score.toFixed(2)}`,
        "good",
        `/tools/${p.tool_id}`,
      );
    case "capability.disabled":
      return note(event, `${p.name} was disabled`, p.reason, "bad", `/tools/${p.tool_id}`);
    default:
      return null;
  }
}
