import { expect, it } from "vitest";
import { exportPath, filterOf, pageOf, shortDetail, toneOf } from "./audit-words";

const ID = "0197b2c4-7c1e-7b7c-a3a5-1f4f5b8a9c01";

it("the filter is what the address says, days as moments here", () => {
  const filter = filterOf(new URLSearchParams("tab=audit&actor= ann &action=run.*&since=2026-03-01&until=2026-03-01"));
  expect(filter.actor).toBe("ann");
  expect(filter.action).toBe("run.*");
  const day = Date.parse(filter.until ?? "") - Date.parse(filter.since ?? "");
  expect(day).toBe(24 * 3_600_000);
  expect(filterOf(new URLSearchParams("tab=audit&subject="))).toEqual({});
});

it("asks for a family of actions while it is being typed, never for what the server refuses", () => {
  const action = (text: string) => filterOf(new URLSearchParams({ action: text })).action;
  expect(["s", "secret", "secret.", "Secret.*", "secret.set", "a.b.*"].map(action)).toEqual([
    "s.*",
    "secret.*",
    "secret.*",
    "secret.*",
    "secret.set",
    "a.b.*",
  ]);
  expect(action("*")).toBeUndefined();
});

it("an export has the same filter", () => {
  expect(exportPath({})).toBe("/v1/audit/export");
  expect(exportPath({ action: "run.*", actor: "a&b" })).toBe("/v1/audit/export?action=run.*&actor=a%26b");
});

it("a subject leads to its page, unless that is gone or there is none", () => {
  expect(pageOf("run.cancelled", `run:${ID}`)).toBe(`/runs/${ID}`);
  expect(pageOf("approval.decided", `approval:${ID}`)).toBe(`/approvals?show=all&id=${ID}`);
  expect(pageOf("tool.called", "tool:http_get")).toBeNull();
  expect(pageOf("tool.disabled", `tool:${ID}`)).toBe(`/tools/${ID}`);
  expect(pageOf("session.deleted", `session:${ID}`)).toBeNull();
  expect(pageOf("budget.changed", `tenant:${ID}`)).toBeNull();
  expect(pageOf("secrets.rotated", "secrets:all")).toBeNull();
});

it("refusals stand out, and what takes away does a little", () => {
  expect(toneOf("tool.denied")).toBe("bad");
  expect(toneOf("key.revoked")).toBe("wait");
  expect(toneOf("agent.created")).toBe("quiet");
});

it("a detail in short leaves out what is not there", () => {
  expect(shortDetail({ name: "x", before: null, version: 2, fields: ["url"], reason: "" })).toBe(
    'name x, version 2, fields ["url"]',
  );
});
