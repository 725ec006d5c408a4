import { expect, it } from "vitest";
import { declared, negativeOf, reportOf, scanOf } from "./report";

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

it("shows what the scan found and what hostile arguments did", () => {
  const finding = { rule: "B307", weight: "blocks", line: 3, text: "eval", cwe: 78 };
  expect(scanOf({ scan_report: { passed: false, scanner: "bandit", findings: [finding] } })).toEqual({
    passed: false,
    error: "",
    by: "bandit",
    rows: [{ ...finding, cwe: "CWE-78" }],
  });
  const row = { kind: "wrong_type", arguments: { n: null }, verdict: "passed", outcome: "error", reason: "" };
  const report = negativeOf({ negative_report: { passed: true, tier: "landlock", cases: [row, 7] } });
  expect(report?.rows).toEqual([
    { kind: "wrong type", called: "n=null", verdict: "passed", outcome: "error", reason: "" },
  ]);
  expect([scanOf({ scan_report: null }), negativeOf({ negative_report: null })]).toEqual([null, null]);
});

it("says in words what a tool declares", () => {
  expect(declared({ permissions: { network: ["a.example"], secrets: [], writes: [], tools: ["http_get"] } })).toBe(
    "network: a.example; tools: http_get",
  );
  expect(declared({ permissions: { network: [], secrets: [], writes: [], tools: [] } })).toBe("");
});
