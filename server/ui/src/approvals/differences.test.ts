import { expect, it } from "vitest";
import type { Approval } from "../api/approvals";
import { changesIn, linesOf, precedentOf } from "./differences";

it("finds what a call says that it changes", () => {
  expect(changesIn({ path: "a.txt", old_text: "one", new_text: "two" })).toEqual([
    { about: "text", before: "one", after: "two" },
  ]);
  expect(changesIn({ before: "x", after: "y" })).toEqual([{ about: "text", before: "x", after: "y" }]);
  expect(changesIn({ from: "ann@example.org", subject: "hi" })).toEqual([]);
  expect(changesIn({ old: 1, new: 2 })).toEqual([]);
});

const approval = (few: Partial<Approval>) =>
  ({
    kind: "call",
    status: "approved",
    tool: "mail",
    agent_id: "a",
    requested_at: "2026-01-01T00:00:00Z",
    ...few,
  }) as Approval;

it("compares with the last call of the tool by that agent that somebody let through", () => {
  const asked = approval({ id: "x", status: "pending", requested_at: "2026-01-05T00:00:00Z" });
  const older = approval({ id: "1" });
  const last = approval({ id: "2", requested_at: "2026-01-03T00:00:00Z" });
  const others = [
    asked,
    older,
    last,
    approval({ id: "3", status: "denied", requested_at: "2026-01-04T00:00:00Z" }),
    approval({ id: "4", agent_id: "b", requested_at: "2026-01-04T00:00:00Z" }),
    approval({ id: "5", tool: "order", requested_at: "2026-01-04T00:00:00Z" }),
    approval({ id: "6", requested_at: "2026-01-06T00:00:00Z" }),
  ];
  expect(precedentOf(asked, others)?.id).toBe("2");
  expect(precedentOf(older, others)).toBeNull();
});

it("the order of arguments is no difference", () => {
  expect(linesOf({ b: 1, a: [2] })).toBe(linesOf({ a: [2], b: 1 }));
});
