import { expect, it } from "vitest";
import { changesOf } from "./changes";

it("sends what was changed here, so that what another tab changed meanwhile stays", () => {
  const before = { input: "Write it.", overlap: "skip", events: ["run.*"], agent: null };
  expect(changesOf(before, { ...before, overlap: "allow" })).toEqual({ overlap: "allow" });
  expect(changesOf(before, { ...before, events: ["run.*", "tool.*"], agent: "a" })).toEqual({
    events: ["run.*", "tool.*"],
    agent: "a",
  });
  expect(changesOf(before, { ...before, events: ["run.*"] })).toEqual({});
});
