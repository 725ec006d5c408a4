import { expect, it } from "vitest";
import type { Event, MemoryView } from "../api/schema.gen";
import { type FewFields, payloadOf } from "../live/payload.fixture";
import { originOf } from "./origin";

const memory = {
  id: "m",
  agent_id: "a",
  session_id: "s",
  run_id: "r",
  kind: "episode",
  title: "Zinnias",
} as MemoryView;

function event(seq: number, few: FewFields): Event {
  const payload = payloadOf(few);
  return { session_id: "s", seq, run_id: "r", step: 1, type: payload.type, at: "2026-01-01T00:00:00Z", payload };
}

it("leads from the agent over what was said and done to the memory", () => {
  const { nodes, edges } = originOf(memory, "gardener", [
    event(2, { type: "message.created", content: "Remember the zinnias." }),
    event(3, { type: "run.started", worker_id: "w", generation: 1 }),
    event(5, { type: "tool.finished", name: "calculate", content: "5" }),
    event(6, { type: "message.completed", content: "Noted." }),
  ]);
  expect(nodes.map((node) => [node.layer, node.kind])).toEqual([
    [0, "agent"],
    [1, "session"],
    [2, "run"],
    [3, "user, #2"],
    [3, "result of calculate, #5"],
    [3, "answer, #6"],
    [4, "episode"],
  ]);
  expect(edges.filter((edge) => edge.to === "memory").map((edge) => edge.from)).toEqual([
    "event 2",
    "event 5",
    "event 6",
  ]);
});

it("goes from the run to the memory where the events are no longer kept", () => {
  expect(originOf(memory, "gardener", []).edges.at(-1)).toEqual({ from: "run", to: "memory", how: "left" });
});
