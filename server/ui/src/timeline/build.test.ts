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
  files: [],
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

it("an approval and the wait for it are bars that end with the decision, and who decided is told", () => {
  const asked: FewFields = {
    type: "approval.requested",
    approval_id: "x",
    kind: "call",
    name: "mail",
    reason: "class 2",
  };
  const said: FewFields = {
    type: "approval.decided",
    approval_id: "x",
    decision: "approve",
    outcome: "approved",
    by: "Ann",
    reason: "fine",
  };
  const waits: FewFields = {
    type: "run.waiting",
    reason: { kind: "approval", detail: "mail", ref_id: "x", due_at: null },
  };
  const before = log([0, 1, step], [1, 1, model("act")], [1, 1, asked], [1, 1, waits]);
  expect(rows(before).filter(([kind]) => kind === "approval" || kind === "wait")).toEqual([
    ["approval", 1, 1, null, "running"],
    ["wait", 0, 1, null, "running"],
  ]);
  const spans = buildTimeline([
    ...before,
    ...log(
      [0, 0, queued],
      [0, 0, queued],
      [0, 0, queued],
      [0, 0, queued],
      [5, 1, said],
      [5, 0, { type: "run.resumed", reason: "decided" }],
      [6, 0, started(2)],
    ).slice(4),
  ]);
  const of = (kind: string) => spans.filter((span) => span.kind === kind).map((span) => [span.end, span.state]);
  expect(of("approval")).toEqual([[START + 5_000, "ok"]]);
  expect(of("wait")).toEqual([[START + 5_000, "ok"]]);
  expect(of("queue")).toEqual([[START + 6_000, "ok"]]);
  expect(spans.find((span) => span.kind === "approval")?.detail).toBe("class 2; approve by Ann: fine");
});

it("an approval that nobody decided has failed, and ends with its run at the latest", () => {
  const asked: FewFields = { type: "approval.requested", approval_id: "x", kind: "call", name: "mail", reason: "" };
  const late: FewFields = { type: "approval.expired", approval_id: "x", call_id: "c" };
  expect(rows(log([1, 1, asked], [9, 1, late]))).toEqual([["approval", 1, 1, 9, "failed"]]);
  expect(rows(log([1, 1, asked], [4, 1, cancelled]))[0]).toEqual(["approval", 1, 1, 4, "note"]);
});

it("calls say which version of a model or of a grown tool they used, and what they cost", () => {
  const grown: FewFields = {
    type: "capability.activated",
    name: "calculate",
    tool_id: "t",
    tool_version_id: "v2",
    version: 2,
  };
  const paid = { ...model("act"), cost_micros: 1_200 } as FewFields;
  const spans = buildTimeline(
    log([0, 1, step], [1, 1, paid], [1, 1, grown], [1, 1, { ...call, tool_version_id: "v2" } as FewFields]),
  );
  expect(spans.map((span) => [span.kind, span.version, span.costMicros])).toEqual([
    ["step", "", null],
    ["model", "qwen", 1_200],
    ["capability", "version 2", null],
    ["tool", "version 2", null],
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
