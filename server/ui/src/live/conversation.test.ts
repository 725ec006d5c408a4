import { expect, it } from "vitest";
import type { Event } from "../api/schema.gen";
import { activeRun, buildTurns, keepTurns } from "./conversation";
import { type FewFields, payloadOf } from "./payload.fixture";

let seq = 0;
function event(run_id: string | null, payload: FewFields): Event {
  seq += 1;
  return {
    session_id: "s",
    seq,
    run_id,
    step: 0,
    type: payload.type,
    at: "2026-01-01T00:00:00Z",
    payload: payloadOf(payload),
  };
}

const said = (run: string, content: string) => event(run, { type: "message.created", message_id: content, content });
const called = (run: string, call_id: string) =>
  event(run, {
    type: "tool.called",
    call_id,
    name: "calculate",
    tool_version_id: null,
    arguments: { expression: "1+1" },
  });
const finished = (run: string, call_id: string) =>
  event(run, {
    type: "tool.finished",
    call_id,
    name: "calculate",
    outcome: "ok",
    content: "2",
    truncated: false,
    artifact_sha256: null,
    files: [],
    duration_ms: 1,
    tier: null,
  });
const started = (run: string) => event(run, { type: "run.started", worker_id: "w", generation: 1 });
const cancelled = (run: string) => event(run, { type: "run.cancelled", reason: "stop", partial_output: "half" });

it("a call and its result are one entry, wherever the result comes", () => {
  const [turn] = buildTurns([said("r", "hi"), called("r", "a"), called("r", "b"), finished("r", "a")]);
  expect(turn?.items.map((item) => item.kind)).toEqual(["user", "call", "call"]);
  expect(turn?.items.map((item) => item.kind === "call" && item.result?.content)).toEqual([false, "2", undefined]);
});

it("events that come after a run's end stay with their run", () => {
  const events = [said("r1", "one"), cancelled("r1"), said("r2", "two")];
  const late = event("r1", {
    type: "memory.written",
    memory_id: "m",
    kind: "episode",
    title: "one",
    source_first_seq: 1,
    source_last_seq: 2,
  });
  const turns = buildTurns([...events, late]);
  expect(turns.map((turn) => turn.items.length)).toEqual([2, 1]);
  expect(turns[0]?.end).toEqual({ type: "run.cancelled", detail: "stop", partial: "half" });
});

it("the active run is the one at work, not one that was said meanwhile and waits its turn", () => {
  const waits = [said("r1", "one"), said("r2", "two")];
  expect(activeRun(buildTurns(waits))).toBe("r1");
  const overtaken = [...waits, started("r2")];
  expect(activeRun(buildTurns(overtaken))).toBe("r2");
  expect(activeRun(buildTurns([...overtaken, cancelled("r2")]))).toBe("r1");
  expect(activeRun(buildTurns([said("r1", "one"), cancelled("r1")]))).toBeNull();
});

it("turns to which nothing was added stay the same objects", () => {
  const events = [said("r", "hi"), called("r", "a"), finished("r", "a"), said("r2", "and?")];
  const before = buildTurns(events);
  const after = keepTurns(before, buildTurns([...events, called("r2", "b")]));
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  expect(after[1]?.items).toHaveLength(2);
});

it("a run that waits for a person says so and leads there, until it goes on", () => {
  const asked = event("r", { type: "approval.requested", approval_id: "ask", name: "pay", reason: "money" });
  const waits = event("r", { type: "run.waiting", reason: { kind: "approval", detail: "" }, partial_output: "" });
  const before = [said("r", "hi"), started("r"), asked, waits];
  const [turn] = buildTurns(before);
  expect(turn?.isWaiting).toBe(true);
  expect(turn?.items.at(-1)).toMatchObject({ kind: "note", to: "/approvals?id=ask" });
  expect(buildTurns([...before, event("r", { type: "run.resumed" })])[0]?.isWaiting).toBe(false);
});
