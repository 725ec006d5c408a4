import { describe, expect, it } from "vitest";
import type { SpanView } from "../api/schema.gen";
import { asText, flatten } from "./flatten";

function span(changes: Partial<SpanView>): SpanView {
  return {
    kind: "step",
    label: "step 1",
    detail: "",
    state: "ok",
    step: 1,
    started_at: "2026-11-02T12:00:00Z",
    ended_at: "2026-11-02T12:00:02Z",
    duration_ms: 2000,
    first_token_ms: null,
    tokens: null,
    cost_micros: 0,
    model: null,
    purpose: null,
    worker_id: null,
    call_id: null,
    tool_version_id: null,
    attempt: null,
    ref_id: null,
    memories: [],
    seqs: [4],
    children: [],
    ...changes,
  };
}

const MODEL = span({
  kind: "model",
  label: "scripted",
  duration_ms: 500,
  first_token_ms: 100,
  seqs: [5],
  model: "scripted",
  started_at: "2026-11-02T12:00:01Z",
  ended_at: "2026-11-02T12:00:01Z",
  tokens: { prompt_tokens: 7, completion_tokens: 3, cached_tokens: 2, reasoning_tokens: 0 },
} as Partial<SpanView>);

describe("a trace in rows", () => {
  it("reads from above to below and keeps the nesting", () => {
    const rows = flatten([span({ children: [MODEL] }), span({ label: "step 2", step: 2, seqs: [9] })]);
    expect(rows.map((row) => [row.label, row.depth])).toEqual([
      ["step 1", 0],
      ["scripted", 1],
      ["step 2", 0],
    ]);
    expect(new Set(rows.map((row) => row.key)).size).toBe(3);
  });

  it("takes the duration that an event told where its times fall together", () => {
    const [row] = flatten([MODEL]);
    const begin = Date.parse("2026-11-02T12:00:01Z");
    expect([row?.start, row?.first, row?.end]).toEqual([begin, begin + 100, begin + 500]);
    expect(row?.tokens).toEqual({ prompt: 7, completion: 3, cached: 2 });
  });

  it("leaves what goes on without an end", () => {
    expect(flatten([span({ ended_at: null, duration_ms: null })])[0]?.end).toBeNull();
  });

  it("copies as a table whose cells hold no tabs", () => {
    const text = asText(flatten([span({ detail: "two\tcells\nno", children: [MODEL] })]));
    const [head, first, second] = text.split("\n").map((line) => line.split("\t"));
    expect(first).toHaveLength(head?.length ?? 0);
    expect(first?.[head?.indexOf("detail") ?? 0]).toBe("two cells no");
    expect(second?.[head?.indexOf("after_ms") ?? 0]).toBe("1000");
  });
});
