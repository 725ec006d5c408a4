import { describe, expect, it } from "vitest";
import type { Event, ServerFrame } from "../api/schema.gen";
import { emptyLog, logOf, reduceLog, type SessionLog } from "./reducer";

const SESSION = "s1";
const MESSAGE = "m1";

function event(seq: number, payload: Event["payload"] = { type: "step.started", bound_tools: [], labels: [] }): Event {
  return { session_id: SESSION, seq, run_id: "r1", step: 1, type: payload.type, at: "2026-01-01T00:00:00Z", payload };
}

function eventFrame(seq: number, payload?: Event["payload"]): ServerFrame {
  return { type: "event", event: event(seq, payload) };
}

function delta(index: number, text: string): ServerFrame {
  return { type: "delta", session_id: SESSION, message_id: MESSAGE, index, text };
}

function feed(log: SessionLog, ...frames: ServerFrame[]): SessionLog {
  return reduceLog(log, { kind: "frames", sessionId: SESSION, frames });
}

const seqs = (log: SessionLog) => log.events.map((each) => each.seq);
const text = (log: SessionLog) => log.partials.get(MESSAGE)?.text;

describe("events", () => {
  it("are kept in order and move the cursor", () => {
    const log = feed(emptyLog(), eventFrame(1), eventFrame(2), eventFrame(3));
    expect(seqs(log)).toEqual([1, 2, 3]);
    expect(log.cursor).toBe(3);
  });

  it("that come twice are taken once, in one batch or in two", () => {
    const once = feed(emptyLog(), eventFrame(1), eventFrame(1), eventFrame(2));
    const twice = feed(once, eventFrame(1), eventFrame(2));
    expect(seqs(twice)).toEqual([1, 2]);
    expect(twice).toBe(once);
  });

  it("that come late, behind a later one, never leave a silent hole", () => {
    const early = feed(emptyLog(), eventFrame(1), eventFrame(3));
    expect(seqs(early)).toEqual([1]);
    expect(early.cursor).toBe(1);
    expect(early.stale).toBe(true);
    const resumed = reduceLog(early, { kind: "reconnected" });
    const whole = feed(resumed, eventFrame(2), eventFrame(3));
    expect(seqs(whole)).toEqual([1, 2, 3]);
    expect(whole.stale).toBe(false);
  });

  it("of another session are ignored", () => {
    const other: ServerFrame = { type: "event", event: { ...event(1), session_id: "s2" } };
    expect(feed(emptyLog(), other).events).toEqual([]);
  });

  it("go on behind a gap that the server declared", () => {
    const gap: ServerFrame = { type: "gap", session_id: SESSION, from: 1, to: 10, reason: "pruned" };
    const log = feed(emptyLog(), gap, eventFrame(11));
    expect(log.gaps).toEqual([{ from: 1, to: 10, reason: "pruned" }]);
    expect(seqs(log)).toEqual([11]);
    expect(feed(log, gap)).toBe(log);
  });

  it("from before are put in front once", () => {
    const log = logOf([event(11), event(12)], 10);
    const more = reduceLog(log, { kind: "earlier", events: [event(9), event(10), event(11)], base: 8 });
    expect(seqs(more)).toEqual([9, 10, 11, 12]);
    expect(more.base).toBe(8);
    expect(reduceLog(more, { kind: "earlier", events: [event(9), event(10)], base: 8 })).toBe(more);
  });
});

describe("text that is being written", () => {
  it("grows, and what overlaps is not repeated", () => {
    const log = feed(emptyLog(), delta(0, "Hel"), delta(3, "lo"), delta(3, "lo wor"), delta(0, "Hello"));
    expect(text(log)).toBe("Hello wor");
  });

  it("counts code points, not UTF-16 units", () => {
    const log = feed(emptyLog(), delta(0, "🌱🌿"), delta(2, "!"));
    expect(text(log)).toBe("🌱🌿!");
    expect(log.stale).toBe(false);
  });

  it("with a hole is read again instead of shown wrong", () => {
    const log = feed(emptyLog(), delta(0, "Hel"), delta(9, "ld"));
    expect(text(log)).toBe("Hel");
    expect(log.stale).toBe(true);
  });

  it("is replaced by a snapshot", () => {
    const frame: ServerFrame = { type: "snapshot", session_id: SESSION, message_id: MESSAGE, text: "Hello wor" };
    expect(text(feed(emptyLog(), delta(0, "Hel"), frame, delta(9, "ld")))).toBe("Hello world");
  });

  it("is dropped when the message starts again, and when it is complete", () => {
    const restarted: Event["payload"] = { type: "message.restarted", message_id: MESSAGE, reason: "worker died" };
    const again = feed(emptyLog(), delta(0, "Hel"), eventFrame(1, restarted), delta(0, "Hi"));
    expect(text(again)).toBe("Hi");
    const done = feed(again, eventFrame(2, { type: "message.completed", message_id: MESSAGE, content: "Hi!" }));
    expect(done.partials.size).toBe(0);
  });

  it("does not outlive its run", () => {
    const cancelled: Event["payload"] = { type: "run.cancelled", reason: "stop", partial_output: "Hel" };
    expect(feed(emptyLog(), delta(0, "Hel"), eventFrame(1, cancelled)).partials.size).toBe(0);
  });
});

it("heartbeats and replies change nothing", () => {
  const log = emptyLog();
  expect(feed(log, { type: "heartbeat", at: "2026-01-01T00:00:00Z" })).toBe(log);
});
