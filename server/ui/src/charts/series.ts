import type { Period } from "../api/statistics";

export type Tone = "ok" | "bad" | "quiet" | "violet" | "busy" | "wait" | "accent";

/** One row of numbers over time; null where there is nothing to say. */
export interface Series {
  readonly name: string;
  readonly tone: Tone;
  readonly values: readonly (number | null)[];
  readonly show: (value: number) => string;
  /** Of the whole range, where neither the sum nor the last value says it. */
  readonly overall?: number | null;
}

/** Each row on top of those before it, as stacked bars are drawn. */
export function stacked(rows: readonly (readonly (number | null)[])[]): number[][] {
  const sums: number[][] = [];
  for (const row of rows) {
    const below = sums.at(-1);
    sums.push(row.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return sums;
}

/** Succeeded of those that could: a stop is never counted as a failure. Null where no run ended. */
export function successRate(period: Pick<Period, "succeeded" | "failed" | "budget_exhausted">): number | null {
  const ended = period.succeeded + period.failed + period.budget_exhausted;
  return ended === 0 ? null : period.succeeded / ended;
}

/** The same numbers as tab-separated text, for a spreadsheet. */
export function tsv(times: readonly string[], series: readonly Series[]): string {
  const head = ["at", ...series.map((each) => each.name)].join("\t");
  const rows = times.map((at, index) => [at, ...series.map((each) => each.values[index] ?? "")].join("\t"));
  return [head, ...rows].join("\n");
}

/** What a whole range comes to, for the legend while nothing is pointed at. */
export function total(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

export function last(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** `12k`, `3.4M`: for axes, where there is little room. */
export function compact(value: number): string {
  for (const [unit, size] of UNITS) {
    if (Math.abs(value) >= size) return `${Number((value / size).toFixed(1))}${unit}`;
  }
  return String(Number(value.toFixed(2)));
}

const UNITS = [
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;
