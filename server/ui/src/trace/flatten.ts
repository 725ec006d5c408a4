import type { SpanView } from "../api/schema.gen";
import type { Span } from "../timeline/span";

/** A row of the tree as the waterfall draws it, and what else the server says of it. */
export interface Row extends Span {
  readonly source: SpanView;
}

/** The tree in reading order; depth comes from nesting, and a key from the events behind a span. */
export function flatten(spans: readonly SpanView[], depth = 0, path = ""): Row[] {
  return spans.flatMap((span, index) => {
    const key = `${path}${index}:${span.kind}:${span.seqs[0] ?? ""}`;
    return [rowOf(span, depth, key), ...flatten(span.children, depth + 1, `${key}/`)];
  });
}

function rowOf(span: SpanView, depth: number, key: string): Row {
  const start = Date.parse(span.started_at);
  const told = span.ended_at === null ? null : Date.parse(span.ended_at);
  // A step's events may be committed together: what an event said of its own duration is better than their times.
  const end = told === null ? null : Math.max(told, start + (span.duration_ms ?? 0));
  return {
    key,
    kind: span.kind,
    depth,
    step: span.step,
    label: span.label,
    detail: span.detail,
    start,
    end,
    state: span.state,
    first: span.first_token_ms === null ? null : start + span.first_token_ms,
    tokens: span.tokens && {
      prompt: span.tokens.prompt_tokens,
      completion: span.tokens.completion_tokens,
      cached: span.tokens.cached_tokens,
    },
    costMicros: span.cost_micros > 0 ? span.cost_micros : null,
    version: span.model ?? span.tool_version_id?.slice(-8) ?? "",
    seqs: span.seqs,
    source: span,
  };
}

const COLUMNS = [
  "step",
  "kind",
  "what",
  "detail",
  "state",
  "after_ms",
  "duration_ms",
  "first_token_ms",
  "tokens_in",
  "tokens_cached",
  "tokens_out",
  "cost_micros",
  "model",
  "purpose",
  "worker",
  "attempt",
  "tool_version",
  "events",
] as const;

/** The rows as tab-separated values, for a spreadsheet. */
export function asText(rows: readonly Row[]): string {
  const begin = Math.min(...rows.map((row) => row.start));
  const lines = rows.map(({ source, start, depth, label }) =>
    [
      source.step,
      source.kind,
      `${"  ".repeat(depth)}${label}`,
      source.detail,
      source.state,
      start - begin,
      source.duration_ms,
      source.first_token_ms,
      source.tokens?.prompt_tokens,
      source.tokens?.cached_tokens,
      source.tokens?.completion_tokens,
      source.cost_micros,
      source.model,
      source.purpose,
      source.worker_id,
      source.attempt,
      source.tool_version_id,
      source.seqs.join(" "),
    ]
      .map(cell)
      .join("\t"),
  );
  return [COLUMNS.join("\t"), ...lines].join("\n");
}

function cell(value: string | number | null | undefined): string {
  return value === null || value === undefined ? "" : String(value).replaceAll(/[\t\r\n]+/g, " ");
}
