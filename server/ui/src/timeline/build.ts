import type { Event, Label, RecalledItem } from "../api/schema.gen";
import { markWords } from "../labels/marks";

export type SpanKind = "queue" | "wait" | "approval" | "step" | "model" | "tool" | "memory" | "capability" | "run";
export type SpanState = "ok" | "failed" | "running" | "note";

/** One bar or, where `end` equals `start`, one mark. Times are epoch milliseconds; `end` null: still going on. */
export interface Span {
  readonly key: string;
  readonly kind: SpanKind;
  readonly depth: number;
  readonly step: number;
  readonly label: string;
  readonly detail: string;
  readonly start: number;
  readonly end: number | null;
  readonly state: SpanState;
  /** When the first token came, for model calls. */
  readonly first: number | null;
  readonly tokens: { readonly prompt: number; readonly completion: number; readonly cached: number } | null;
  /** Events behind it, by their numbers in the log. */
  readonly seqs: readonly number[];
}

interface Draft {
  key: string;
  kind: SpanKind;
  depth: number;
  step: number;
  label: string;
  detail: string;
  start: number;
  end: number | null;
  state: SpanState;
  first: number | null;
  tokens: Span["tokens"];
  seqs: number[];
}

const DECIDED = { allow: "allowed", deny: "denied", approve: "needs approval" } as const;
const TERMINAL = new Set(["run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"]);

/**
 * The waterfall of one run's events, in the order in which things began to matter. Unknown event types are left out.
 * A step is written down together with its model call's result: while a run is active, what it does since its last
 * event is a bar without an end.
 */
export function buildTimeline(events: readonly Event[], { active = false } = {}): Span[] {
  const builder = new Builder();
  for (const event of events) builder.take(event);
  const last = events.at(-1);
  if (active && last) builder.goOn(last);
  return builder.done();
}

function steps(plan: Record<string, unknown>): string {
  const count = Array.isArray(plan["steps"]) ? plan["steps"].length : 0;
  return `${count} step${count === 1 ? "" : "s"}`;
}

function worst(items: readonly RecalledItem[]): Label | null {
  return items.map((item) => item.label ?? null).find((label) => label?.trust === 0) ?? null;
}

class Builder {
  private readonly spans: Draft[] = [];
  private readonly calls = new Map<string, Draft>();
  private step: Draft | null = null;
  private queue: Draft | null = null;
  private pending: Draft | null = null;
  private ended = false;
  private claimedAt: number | null = null;

  take(event: Event): void {
    const at = Date.parse(event.at);
    const p = event.payload;
    switch (p.type) {
      case "run.queued":
        this.queue = this.add(event, "queue", `waits for a worker (version ${p.agent_version})`, {
          end: null,
          state: "running",
        });
        break;
      case "run.started":
        this.started(event, at, p.worker_id, p.generation);
        break;
      case "step.started":
        this.closeStep(at);
        this.step = this.add(event, "step", `step ${event.step}`, {
          end: null,
          state: "running",
          detail: p.bound_tools?.length ? `may use ${p.bound_tools.join(", ")}` : "without tools",
        });
        this.pending = this.add(event, "model", "model call", {
          depth: 1,
          end: null,
          state: "running",
          key: `${event.seq}p`,
        });
        break;
      case "model.called":
        this.model(event, at);
        break;
      case "plan.made":
        this.add(event, "step", p.problem ? "a plan that is not usable" : `plan of ${steps(p.plan)}`, {
          depth: 1,
          state: p.problem ? "failed" : "note",
          detail: p.problem ?? "",
        });
        this.dropPending();
        break;
      case "plan.advanced":
        this.dropPending();
        break;
      case "model.failed":
        this.add(event, "model", `model call failed: ${p.code}`, {
          depth: 1,
          state: "failed",
          detail: `${p.message}${p.will_retry ? " (tried again)" : ""}`,
        });
        if (!p.will_retry) this.dropPending();
        break;
      case "tool.called":
        this.calls.set(
          p.call_id,
          this.add(event, "tool", p.name, {
            depth: 1,
            end: null,
            state: "running",
            detail: JSON.stringify(p.arguments),
          }),
        );
        break;
      case "tool.finished":
        this.tool(event, at);
        break;
      case "policy.decided":
        this.add(event, "run", `${DECIDED[p.effect]}: ${p.name}`, {
          depth: 1,
          state: p.effect === "deny" ? "failed" : "note",
          detail: p.reason ? `${p.policy}, rule ${p.rule}: ${p.reason}` : `${p.policy}, rule ${p.rule}`,
        });
        break;
      case "tool.in_doubt":
        this.add(event, "tool", `${p.name} in doubt`, { depth: 1, state: "failed", detail: `policy: ${p.policy}` });
        break;
      case "memory.recalled":
        this.add(event, "memory", `recalled ${p.items.length} for “${clip(p.query)}”`, {
          start: event.step > 0 ? at : (this.claimedAt ?? at),
          depth: event.step > 0 ? 1 : 0,
          state: p.unavailable ? "failed" : "note",
          detail: p.unavailable
            ? "memory was not available"
            : p.low_confidence
              ? "low confidence"
              : markWords(worst(p.items)),
        });
        break;
      case "memory.written":
        this.add(event, "memory", `remembered “${clip(p.title)}”`, {
          detail: `${p.kind}, from events ${p.source_first_seq}–${p.source_last_seq}`,
        });
        break;
      case "budget.warned":
        this.add(event, "run", `${p.limit.replaceAll("_", " ")} nearly used up`, {
          depth: 1,
          detail: `${p.used} of ${p.bound}`,
        });
        break;
      case "message.restarted":
        this.add(event, "run", "answer begins again", { depth: 1, detail: p.reason });
        break;
      default:
        if (p.type.startsWith("capability.")) this.capability(event);
        else if (TERMINAL.has(p.type)) this.finish(event, at);
    }
  }

  goOn(last: Event): void {
    const isWaiting = this.spans.some((span) => span.end === null && span.kind !== "step");
    if (isWaiting || this.ended) return;
    this.add(last, "model", "model call", { depth: 1, end: null, state: "running", key: `${last.seq}n`, seqs: [] });
  }

  done(): Span[] {
    return this.spans;
  }

  private add(event: Event, kind: SpanKind, label: string, more: Partial<Draft> = {}): Draft {
    const at = Date.parse(event.at);
    const draft: Draft = {
      key: String(event.seq),
      kind,
      depth: 0,
      step: event.step,
      label,
      detail: "",
      start: at,
      end: at,
      state: "note",
      first: null,
      tokens: null,
      seqs: [event.seq],
      ...more,
    };
    this.spans.push(draft);
    return draft;
  }

  private started(event: Event, at: number, worker: string, generation: number): void {
    this.claimedAt = at;
    if (this.queue?.end === null) {
      this.queue.end = at;
      this.queue.state = "ok";
      this.queue.seqs.push(event.seq);
      this.queue.detail = `claimed by ${worker}`;
    } else {
      this.add(event, "run", `taken over by ${worker}`, { detail: `generation ${generation}` });
    }
  }

  private model(event: Event, at: number): void {
    const p = event.payload;
    if (p.type !== "model.called") return;
    const usage = p.usage;
    const start = at - p.duration_ms;
    const done: Partial<Draft> = {
      depth: p.purpose === "act" ? 1 : 2,
      start,
      end: at,
      state: "ok",
      label: p.purpose === "act" ? p.model : `${p.model} for ${p.purpose}`,
      detail: [p.finish_reason, p.tool_mode, p.guard ? `guard: ${p.guard}` : ""].filter(Boolean).join(", "),
      first: p.first_token_ms == null ? null : start + p.first_token_ms,
      tokens: {
        prompt: usage.prompt_tokens,
        completion: usage.completion_tokens,
        cached: usage.cached_tokens,
      },
      seqs: [event.seq],
    };
    if (p.purpose === "act" && this.pending) {
      Object.assign(this.pending, done);
      this.pending = null;
    } else {
      this.add(event, "model", done.label ?? "", done);
    }
  }

  private tool(event: Event, at: number): void {
    const p = event.payload;
    if (p.type !== "tool.finished") return;
    const called =
      this.calls.get(p.call_id) ?? this.add(event, "tool", p.name, { depth: 1, start: at - p.duration_ms });
    called.end = at;
    called.state = p.outcome === "ok" ? "ok" : p.outcome === "duplicate" ? "note" : "failed";
    const outcome = p.outcome === "ok" ? "" : ` (${p.outcome})`;
    called.label = `${p.name}${outcome}${markWords(p.label)}`;
    if (!called.seqs.includes(event.seq)) called.seqs.push(event.seq);
  }

  private capability(event: Event): void {
    const p = event.payload;
    const depth = event.step > 0 ? 2 : 0;
    switch (p.type) {
      case "capability.requested":
        this.add(event, "capability", `asks for ${p.name}`, { depth, detail: p.purpose });
        break;
      case "capability.proposed":
        this.add(event, "capability", `proposes ${p.name}`, { depth, detail: `attempt ${p.attempt}` });
        break;
      case "capability.tested":
        this.add(event, "capability", p.passed ? "passes its tests" : "fails its tests", {
          depth,
          state: p.passed ? "ok" : "failed",
          detail: `${p.cases} cases in ${p.tier}: ${p.detail}`,
        });
        break;
      case "capability.activated":
        this.add(event, "capability", `${p.name} is active`, { depth, state: "ok", detail: `version ${p.version}` });
        break;
      case "capability.reused":
        this.add(event, "capability", `reuses ${p.name}`, {
          depth,
          state: "ok",
          detail: `version ${p.version}, score ${p.score.toFixed(2)}`,
        });
        break;
      case "capability.disabled":
        this.add(event, "capability", `${p.name} was disabled`, { depth, detail: p.reason });
        break;
    }
  }

  private finish(event: Event, at: number): void {
    this.ended = true;
    this.dropPending();
    this.closeStep(at);
    if (this.queue?.end === null) Object.assign(this.queue, { end: at, state: "note" });
    for (const call of this.calls.values()) if (call.end === null) Object.assign(call, { end: at, state: "failed" });
    const state: SpanState = event.type === "run.succeeded" ? "ok" : event.type === "run.failed" ? "failed" : "note";
    this.add(event, "run", event.type.slice(4).replaceAll("_", " "), { state });
  }

  private closeStep(at: number): void {
    if (this.step?.end === null) Object.assign(this.step, { end: at, state: "ok" });
    if (!this.ended) this.dropPending();
  }

  /** A call without a result in the log: its worker died, or the run was stopped in the middle of it. */
  private dropPending(): void {
    if (this.pending) this.spans.splice(this.spans.indexOf(this.pending), 1);
    this.pending = null;
  }
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
