import type { Event } from "../api/schema.gen";
import { markWords } from "../labels/marks";
import { markOf } from "./marks";
import { type Draft, draftOf, type Span, type SpanState } from "./span";

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

class Builder {
  private readonly spans: Draft[] = [];
  private readonly calls = new Map<string, Draft>();
  private readonly asked = new Map<string, Draft>();
  /** Numbers of evolved tools' versions, as the log told them. */
  private readonly versions = new Map<string, number>();
  private step: Draft | null = null;
  private queue: Draft | null = null;
  private wait: Draft | null = null;
  private pending: Draft | null = null;
  private ended = false;
  private claimedAt: number | null = null;

  take(event: Event): void {
    const at = Date.parse(event.at);
    const p = event.payload;
    switch (p.type) {
      case "run.queued":
        this.queue = this.open(event, "queue", "waits for a worker", { version: `agent version ${p.agent_version}` });
        break;
      case "run.started":
        this.started(event, at, p.worker_id, p.generation);
        break;
      case "run.waiting":
        this.closeStep(at);
        this.wait = this.open(event, "wait", `waits for: ${p.reason.kind}`, { detail: p.reason.detail });
        break;
      case "run.resumed":
        this.endWait(at, event.seq, p.reason ?? "");
        this.queue = this.open(event, "queue", "waits for a worker");
        break;
      case "step.started":
        this.begin(event, at, p.bound_tools ?? []);
        break;
      case "model.called":
        this.model(event, at);
        break;
      case "plan.advanced":
        this.dropPending();
        break;
      case "tool.called":
        this.called(event, p.call_id, p.name, p.arguments, p.tool_version_id ?? null);
        break;
      case "tool.finished":
        this.tool(event, at);
        break;
      case "approval.requested":
        this.asked.set(
          p.approval_id,
          this.open(event, "approval", `${p.kind}: ${p.name}`, { depth: 1, detail: p.reason }),
        );
        break;
      case "approval.decided":
        this.decided(event, at);
        break;
      case "approval.expired":
        this.answer(event, p.approval_id, "nobody decided in time", { end: at, state: "failed" });
        break;
      default:
        if (TERMINAL.has(p.type)) this.finish(event, at);
        else this.mark(event);
    }
  }

  goOn(last: Event): void {
    const isWaiting = this.spans.some((span) => span.end === null && span.kind !== "step");
    if (isWaiting || this.ended) return;
    this.open(last, "model", "model call", { depth: 1, key: `${last.seq}n`, seqs: [] });
  }

  done(): Span[] {
    return this.spans;
  }

  private add(draft: Draft): Draft {
    this.spans.push(draft);
    return draft;
  }

  /** A bar that goes on until something ends it. */
  private open(event: Event, kind: Draft["kind"], label: string, more: Partial<Draft> = {}): Draft {
    return this.add(draftOf(event, kind, label, { end: null, state: "running", ...more }));
  }

  private mark(event: Event): void {
    const p = event.payload;
    if (p.type === "capability.activated" || p.type === "capability.reused") {
      this.versions.set(p.tool_version_id, p.version);
    }
    const mark = markOf(event, this.claimedAt);
    if (mark) this.add(mark);
    if (p.type === "plan.made" || (p.type === "model.failed" && !p.will_retry)) this.dropPending();
  }

  private started(event: Event, at: number, worker: string, generation: number): void {
    this.claimedAt = at;
    this.endWait(at, event.seq, "");
    if (this.queue?.end === null) {
      this.queue.end = at;
      this.queue.state = "ok";
      this.queue.seqs.push(event.seq);
      this.queue.detail = `claimed by ${worker}`;
    } else {
      this.add(draftOf(event, "run", `taken over by ${worker}`, { detail: `generation ${generation}` }));
    }
  }

  private endWait(at: number, seq: number, said: string): void {
    if (this.wait?.end !== null || !this.wait) return;
    Object.assign(this.wait, { end: at, state: "ok", seqs: [...this.wait.seqs, seq] });
    this.wait.detail = [this.wait.detail, said].filter(Boolean).join("; ");
  }

  private begin(event: Event, at: number, tools: readonly string[]): void {
    this.closeStep(at);
    const detail = tools.length > 0 ? `may use ${tools.join(", ")}` : "without tools";
    this.step = this.open(event, "step", `step ${event.step}`, { detail });
    this.pending = this.open(event, "model", "model call", { depth: 1, key: `${event.seq}p` });
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
      costMicros: p.cost_micros ?? null,
      version: p.model,
      seqs: [event.seq],
    };
    if (p.purpose === "act" && this.pending) {
      Object.assign(this.pending, done);
      this.pending = null;
    } else {
      this.add(draftOf(event, "model", done.label ?? "", done));
    }
  }

  private called(event: Event, id: string, name: string, given: unknown, version: string | null): void {
    const number = version === null ? undefined : this.versions.get(version);
    const call = this.open(event, "tool", name, {
      depth: 1,
      detail: JSON.stringify(given),
      version: version === null ? "" : number === undefined ? `version …${version.slice(-8)}` : `version ${number}`,
    });
    this.calls.set(id, call);
  }

  private tool(event: Event, at: number): void {
    const p = event.payload;
    if (p.type !== "tool.finished") return;
    const start = at - p.duration_ms;
    const called = this.calls.get(p.call_id) ?? this.add(draftOf(event, "tool", p.name, { depth: 1, start }));
    called.end = at;
    called.state = p.outcome === "ok" ? "ok" : p.outcome === "duplicate" ? "note" : "failed";
    const outcome = p.outcome === "ok" ? "" : ` (${p.outcome})`;
    called.label = `${p.name}${outcome}${markWords(p.label)}`;
    if (!called.seqs.includes(event.seq)) called.seqs.push(event.seq);
  }

  private decided(event: Event, at: number): void {
    const p = event.payload;
    if (p.type !== "approval.decided") return;
    const said = `${p.decision} by ${p.by}${p.reason ? `: ${p.reason}` : ""}`;
    const isGood = p.outcome === "approved" || p.outcome === "answered";
    const end: Partial<Draft> = p.outcome === "pending" ? {} : { end: at, state: isGood ? "ok" : "failed" };
    this.answer(event, p.approval_id, said, end);
  }

  private answer(event: Event, id: string, said: string, change: Partial<Draft>): void {
    const asked = this.asked.get(id) ?? this.add(draftOf(event, "approval", "approval", { depth: 1 }));
    Object.assign(asked, change);
    asked.detail = [asked.detail, said].filter(Boolean).join("; ");
    if (!asked.seqs.includes(event.seq)) asked.seqs.push(event.seq);
  }

  private finish(event: Event, at: number): void {
    this.ended = true;
    this.dropPending();
    this.closeStep(at);
    this.endWait(at, event.seq, "");
    if (this.queue?.end === null) Object.assign(this.queue, { end: at, state: "note" });
    for (const call of this.calls.values()) if (call.end === null) Object.assign(call, { end: at, state: "failed" });
    for (const asked of this.asked.values()) if (asked.end === null) Object.assign(asked, { end: at, state: "note" });
    const state: SpanState = event.type === "run.succeeded" ? "ok" : event.type === "run.failed" ? "failed" : "note";
    this.add(draftOf(event, "run", event.type.slice(4).replaceAll("_", " "), { state }));
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
