import { expect, it } from "vitest";
import { draftName, draftSpec } from "./draft";
import { defaultSpec, NAME } from "./spec-form";

it("has a name of its own that is one", () => {
  expect(draftName("gardener")).toBe("gardener.draft");
  expect(draftName("gardener.draft")).toBe("gardener.draft");
  expect(NAME.test(draftName("a".repeat(63)))).toBe(true);
});

it("leaves nothing behind", () => {
  const draft = draftSpec(defaultSpec());
  expect([draft.memory.remember, draft.evolution.create]).toEqual([false, false]);
  expect(draft.memory.recall).toBe(defaultSpec().memory.recall);
});
