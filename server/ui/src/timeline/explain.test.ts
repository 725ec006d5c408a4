import { describe, expect, it } from "vitest";
import type { Event, RunView, WorkerView } from "../api/schema.gen";
import { explainRun } from "./explain";

const NOW = Date.parse("2026-01-01T00:10:00Z");
const at = (agoS: number) => new Date(NOW - agoS * 1000).toISOString();

function run(more: Partial<RunView>): RunView {
  return {
    id: "r",
    session_id: "s",
    agent_id: "a",
    agent_version_id: "v",
    status: "queued",
    priority: "interactive",
    queued_seq: 2,
    generation: 0,
    worker_id: null,
    cancel_requested_at: null,
    pause_requested_at: null,
    waiting_for: null,
    limits: { steps: 1, model_calls: 1, tool_calls: 1, tokens: 1, wall_s: 1, completion_tokens: 16 },
    output: null,
    error_code: null,
    error_message: null,
    total_tokens: 0,
    created_at: at(30),
    started_at: null,
    finished_at: null,
    ...more,
  };
}

function worker(more: Partial<WorkerView>): WorkerView {
  const rest = { id: "w", hostname: "h", pid: 1, queues: ["runs"], seen_at: at(0) };
  return { ...rest, state: "running", concurrency: 2, active: 0, ...more };
}

function event(agoS: number, payload: Event["payload"]): Event {
  return { session_id: "s", seq: 5, run_id: "r", step: 2, type: payload.type, at: at(agoS), payload };
}

const UNKNOWN = { workers: null, before: null };

describe("a queued run says why it waits", () => {
  it.each<[string, WorkerView[] | null, RegExp]>([
    ["unknown workers", null, /No worker has claimed it yet/],
    ["no worker", [], /No worker answers/],
    ["only draining ones", [worker({ state: "draining" })], /Every worker is draining/],
    ["only full ones", [worker({ active: 2 }), worker({ state: "draining" })], /Every worker is full/],
    ["a free one", [worker({ active: 1 })], /A worker has room/],
  ])("%s", (_, workers, detail) => {
    const said = explainRun(run({}), [], { ...UNKNOWN, workers }, NOW);
    expect(said.headline).toBe("Queued for 30 s");
    expect(said.detail).toMatch(detail);
  });
});

it("a queued run that comes after another of its session says so, whoever is free", () => {
  const said = explainRun(run({}), [], { workers: [worker({})], before: "r0" }, NOW);
  expect(said.detail).toMatch(/another one comes first/);
  expect(said.to?.href).toBe("/runs/r0");
});

it("one that waits for a person leads to where that is decided", () => {
  const waiting_for = { kind: "approval", detail: "", ref_id: "ask" } as const;
  expect(explainRun(run({ status: "waiting", waiting_for }), [], UNKNOWN, NOW).to?.href).toBe("/approvals?id=ask");
});

it("a running one says what it does, and when it has been silent for long", () => {
  const step: Event["payload"] = { type: "step.started", bound_tools: [], labels: [] };
  expect(explainRun(run({ status: "running" }), [event(5, step)], UNKNOWN, NOW)).toEqual({
    tone: "busy",
    headline: "Running",
    detail: "Step 2: the model is answering.",
  });
  expect(explainRun(run({ status: "running" }), [event(120, step)], UNKNOWN, NOW).headline).toBe(
    "Nothing new for 2 min",
  );
});

it("a stop that is under way goes before everything else", () => {
  const stopping = run({ status: "running", cancel_requested_at: at(3) });
  expect(explainRun(stopping, [], UNKNOWN, NOW).headline).toBe("Stopping");
});

it("an end says its reason", () => {
  const cancelled: Event["payload"] = { type: "run.cancelled", reason: "changed my mind", partial_output: "" };
  expect(explainRun(run({ status: "cancelled" }), [event(1, cancelled)], UNKNOWN, NOW).detail).toMatch(
    /changed my mind/,
  );
  const failed = run({ status: "failed", error_code: "model_rejected", error_message: "too long" });
  expect(explainRun(failed, [], UNKNOWN, NOW)).toEqual({
    tone: "bad",
    headline: "Failed: model_rejected",
    detail: "too long",
  });
  const spent = { steps: 1, model_calls: 1, tool_calls: 1, tokens: 1, cost_micros: 0 };
  const limit: Event["payload"] = { type: "run.budget_exhausted", limit: "wall_s", spent, partial_output: "" };
  expect(explainRun(run({ status: "budget_exhausted" }), [event(1, limit)], UNKNOWN, NOW).detail).toMatch(
    /limit of wall/,
  );
});
