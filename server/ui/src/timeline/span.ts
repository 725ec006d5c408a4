import type { Event } from "../api/schema.gen";

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
  /** Millionths of a unit of money, for model calls; null for what costs nothing. */
  readonly costMicros: number | null;
  /** Which version of what it names: of the agent, the model, an evolved tool. */
  readonly version: string;
  /** Events behind it, by their numbers in the log. */
  readonly seqs: readonly number[];
}

/** A span while the events that it is made of are still being read. */
export type Draft = { -readonly [K in keyof Span]: Span[K] } & { seqs: number[] };

/** A mark, but for what `more` says. */
export function draftOf(event: Event, kind: SpanKind, label: string, more: Partial<Draft> = {}): Draft {
  const at = Date.parse(event.at);
  return {
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
    costMicros: null,
    version: "",
    seqs: [event.seq],
    ...more,
  };
}
