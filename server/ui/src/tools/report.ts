import type { ToolVersionDetailView } from "../api/schema.gen";
import { visible } from "../text/visible";

/** One test case as it is shown. */
export interface CaseRow {
  readonly verdict: string;
  readonly called: string;
  readonly expected: string;
  readonly got: string;
  readonly origin: string;
}

export interface Report {
  readonly passed: boolean;
  readonly tier: string;
  readonly detail: string;
  readonly cases: readonly CaseRow[];
}

/** A version's test report; it is free JSON in the API, so every part of it may be missing. */
export function reportOf(version: Pick<ToolVersionDetailView, "test_report" | "tests">): Report | null {
  const report = version.test_report;
  if (!report) return null;
  const cases = Array.isArray(report["cases"]) ? report["cases"] : version.tests;
  return {
    passed: report["passed"] === true,
    tier: text(report["tier"]),
    detail: text(report["detail"]),
    cases: cases.filter(isObject).map((row) => ({
      verdict: text(row["verdict"]) || "not judged",
      called: isObject(row["arguments"]) ? call(row["arguments"]) : json(row["arguments"]),
      expected: json(row["expected"]),
      got: row["error"] ? `raised ${text(row["error"])}` : json(row["got"]),
      origin: text(row["origin"]),
    })),
  };
}

/** What the static scan saw. */
export interface Finding {
  readonly rule: string;
  readonly weight: string;
  readonly line: number;
  readonly text: string;
  readonly cwe: string;
}

/** One call with hostile arguments. */
export interface NegativeRow {
  readonly kind: string;
  readonly called: string;
  readonly verdict: string;
  readonly outcome: string;
  readonly reason: string;
}

export interface GateReport<Row> {
  readonly passed: boolean;
  readonly error: string;
  readonly by: string;
  readonly rows: readonly Row[];
}

export function scanOf(version: Pick<ToolVersionDetailView, "scan_report">): GateReport<Finding> | null {
  return gate(version.scan_report, "scanner", "findings", (row) => ({
    rule: text(row["rule"]),
    weight: text(row["weight"]),
    line: typeof row["line"] === "number" ? row["line"] : 0,
    text: text(row["text"]),
    cwe: typeof row["cwe"] === "number" ? `CWE-${row["cwe"]}` : "",
  }));
}

export function negativeOf(version: Pick<ToolVersionDetailView, "negative_report">): GateReport<NegativeRow> | null {
  return gate(version.negative_report, "tier", "cases", (row) => ({
    kind: text(row["kind"]).replaceAll("_", " "),
    called: isObject(row["arguments"]) ? call(row["arguments"]) : "",
    verdict: text(row["verdict"]),
    outcome: text(row["outcome"]),
    reason: text(row["reason"]),
  }));
}

/** What a version declares beyond computing, in words; empty for a pure function. */
export function declared(version: Pick<ToolVersionDetailView, "permissions">): string {
  return Object.entries(version.permissions ?? {})
    .filter(([, names]) => Array.isArray(names) && names.length > 0)
    .map(([kind, names]) => `${kind}: ${(names as readonly string[]).join(", ")}`)
    .join("; ");
}

function gate<Row>(
  report: unknown,
  by: string,
  rows: string,
  read: (row: Record<string, unknown>) => Row,
): GateReport<Row> | null {
  if (!isObject(report)) return null;
  const found = Array.isArray(report[rows]) ? report[rows] : [];
  return {
    passed: report["passed"] === true,
    error: text(report["error"]),
    by: text(report[by]),
    rows: found.filter(isObject).map(read),
  };
}

function call(given: Record<string, unknown>): string {
  return Object.entries(given)
    .map(([name, value]) => `${name}=${json(value)}`)
    .join(", ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? visible(value) : "";
}

function json(value: unknown): string {
  return value === undefined ? "" : visible(JSON.stringify(value));
}
