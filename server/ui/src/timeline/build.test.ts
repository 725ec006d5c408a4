import { expect, it } from "vitest";
import type { Event } from "../api/schema.gen";
import { type FewFields, payloadOf } from "../live/payload.fixture";
import { buildTimeline } from "./build";

const START = Date.parse("2026-01-01T00:00:00Z");

/** Events at given seconds, numbered in order. */
function log(...entries: [at: number, step: number, payload: FewFields][]): Event[] {
  return entries.map(([at, step, payload], index) => ({
    session_id: "s",
    seq: index + 1,
    run_id: "r",
    step,
    type: payload.type,
    at: new Date(START + at * 1000).toISOString(),
    payload: payloadOf(payload),
  }));
}

const limits = { steps: 1, model_calls: 1, tool_calls: 1, tokens: 1, wall_s: 1, completion_tokens: 16 };
const queued: FewFields = { type: "run.queued", agent_id: "a", agent_version_id: "v", agent_version: 3, limits };
const started = (generation: number): FewFields => ({ type: "run.started", worker_id: "w", generation });
const step: FewFields = { type: "step.started", bound_tools: ["calculate"] };
const model = (purpose: string): FewFields => ({
  type: "model.called",
  message_id: "m",
  purpose,
  model: "qwen",
  tool_mode: "native",
  text: "",
  tool_calls: [],
  answer: null,
  finish_reason: "stop",
  usage: { prompt_tokens: 10, completion_tokens: 2, cached_tokens: 8 },
  duration_ms: 900,
  first_token_ms: 300,
  prompt_sha256: "",
  guard: null,
  cost_micros: 0,
});
const call: FewFields = {
  type: "tool.called",
  call_id: "c",
  name: "calculate",
  tool_version_id: null,
  arguments: {},
};
const result: FewFields = {
  type: "tool.finished",
  call_id: "c",
  name: "calculate",
  outcome: "ok",
  content: "2",
  truncated: false,
  artifact_sha256: null,
  duration_ms: 500,
  tier: null,
};
const cancelled: FewFields = { type: "run.cancelled", reason: "stop", partial_output: "" };

function rows(events: Event[]) {
  return buildTimeline(events).map((span) => [
    span.kind,
    span.depth,
    (span.start - START) / 1000,
    span.end === null ? null : (span.end - START) / 1000,
    span.state,
  ]);
}

it("a run is a queue, its steps, and what they did", () => {
  const events = log(
    [0, 0, queued],
    [1, 0, started(1)],
    [1, 1, step],
    [2, 1, model("act")],
    [2, 1, call],
    [2.5, 1, result],
  );
  expect(rows(events)).toEqual([
    ["queue", 0, 0, 1, "ok"],
    ["step", 0, 1, null, "running"],
    ["model", 1, 1.1, 2, "ok"],
    ["tool", 1, 2, 2.5, "ok"],
  ]);
  const [, , called, used] = buildTimeline(events);
  expect(called?.first).toBe(START + 1_400);
  expect(called?.tokens).toEqual({ prompt: 10, completion: 2, cached: 8 });
  expect(used?.seqs).toEqual([5, 6]);
});

it("a model call without a result is still going on, until the run ends", () => {
  const going = log([0, 0, queued], [1, 0, started(1)], [1, 1, step]);
  expect(rows(going).at(-1)).toEqual(["model", 1, 1, null, "running"]);
  const over = log([0, 0, queued], [1, 0, started(1)], [1, 1, step], [4, 1, cancelled]);
  expect(rows(over)).toEqual([
    ["queue", 0, 0, 1, "ok"],
    ["step", 0, 1, 4, "ok"],
    ["run", 0, 4, 4, "note"],
  ]);
});

it("an active run shows what it does since its last event", () => {
  const events = log([0, 0, queued], [1, 0, started(1)]);
  expect(buildTimeline(events, { active: true }).at(-1)).toMatchObject({
    kind: "model",
    start: START + 1_000,
    end: null,
  });
  const [waiting, ...others] = buildTimeline(events.slice(0, 1), { active: true });
  expect([waiting?.kind, others.length]).toEqual(["queue", 0]);
  const over = [...events, ...log([0, 0, queued], [1, 0, started(1)], [2, 1, cancelled]).slice(2)];
  expect(buildTimeline(over, { active: true }).filter((span) => span.end === null)).toEqual([]);
});

it("a tool call that never finished is shown as lost when the run ends", () => {
  const events = log([0, 1, step], [1, 1, model("act")], [1, 1, call], [3, 1, cancelled]);
  expect(rows(events).find(([kind]) => kind === "tool")).toEqual(["tool", 1, 1, 3, "failed"]);
});

it("calls of evolution stand inside the call that asked for them", () => {
  const events = log([0, 1, step], [1, 1, model("act")], [1, 1, call], [2, 1, model("capability.source")]);
  expect(rows(events).at(-1)).toEqual(["model", 2, 1.1, 2, "ok"]);
});

it("a second worker is a mark, not a second queue", () => {
  const events = log([0, 0, queued], [1, 0, started(1)], [9, 0, started(2)]);
  expect(rows(events)).toEqual([
    ["queue", 0, 0, 1, "ok"],
    ["run", 0, 9, 9, "note"],
  ]);
});

it("unknown events change nothing", () => {
  const unknown = { type: "tool.praised" } as unknown as Event["payload"];
  expect(rows(log([0, 0, unknown]))).toEqual([]);
});

it("shows a plan, and marks what was untrusted", () => {
  const label = { origin: "web", trust: 0, sensitivity: 0, source: "https://a.example" } as const;
  const spans = buildTimeline(
    log(
      [0, 0, queued],
      [1, 0, started(1)],
      [2, 1, step],
      [3, 1, model("plan")],
      [3, 1, { type: "plan.made", plan: { steps: [{}, {}], reply: "x" }, revision: 0 }],
      [4, 2, step],
      [4, 2, { type: "plan.advanced", index: 0, call: { id: "c", name: "calculate", arguments: {} }, tainted: [] }],
      [4, 2, call],
      [
        5,
        2,
        { type: "tool.finished", call_id: "c", name: "calculate", outcome: "ok", content: "4", duration_ms: 1, label },
      ],
    ),
  );
  const labels = spans.map((span) => span.label);
  expect(labels).toContain("plan of 2 steps");
  expect(labels).toContain("calculate · untrusted");
  expect(labels.filter((words) => words === "model call")).toEqual([]);
});
