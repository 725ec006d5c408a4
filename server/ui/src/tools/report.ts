import type { ToolVersionDetailView } from "../api/schema.gen";

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

function call(given: Record<string, unknown>): string {
  return Object.entries(given)
    .map(([name, value]) => `${name}=${json(value)}`)
    .join(", ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function json(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}
