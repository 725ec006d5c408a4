import { expect, it } from "vitest";
import { reportOf } from "./report";

it("shows what a candidate was called with, what was expected and what it gave", () => {
  const row = { arguments: { number: 4 }, expected: "IV", got: "IV", origin: "generated", verdict: "confirmed" };
  const failed = { arguments: { number: 9 }, expected: "IX", error: "NameError: x", verdict: "failed" };
  const report = reportOf({
    tests: [],
    test_report: { passed: false, tier: "landlock", detail: "d", cases: [row, failed] },
  });
  expect(report?.cases.map((each) => [each.verdict, each.called, each.expected, each.got])).toEqual([
    ["confirmed", "number=4", '"IV"', '"IV"'],
    ["failed", "number=9", '"IX"', "raised NameError: x"],
  ]);
});

it("survives a report that is not one", () => {
  expect(reportOf({ tests: [], test_report: null })).toBeNull();
  const odd = reportOf({ tests: [], test_report: { cases: [1, null, "x"], passed: "yes" } });
  expect(odd).toEqual({ passed: false, tier: "", detail: "", cases: [] });
});
