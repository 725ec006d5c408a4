import { expect, it } from "vitest";
import { count } from "../text/format";
import { compact, last, type Series, stacked, successRate, total, tsv } from "./series";

it("stacks rows on each other", () => {
  expect(
    stacked([
      [1, 0, null],
      [2, 5, 1],
      [0, 1, 1],
    ]),
  ).toEqual([
    [1, 0, 0],
    [3, 5, 1],
    [3, 6, 2],
  ]);
});

it("a success rate leaves out what was stopped, and says nothing of nothing", () => {
  expect(successRate({ succeeded: 3, failed: 1, budget_exhausted: 0 })).toBe(0.75);
  expect(successRate({ succeeded: 0, failed: 0, budget_exhausted: 0 })).toBeNull();
});

it("numbers can be copied as they are", () => {
  const series: Series[] = [{ name: "runs", tone: "ok", values: [1_200, null], show: count }];
  expect(tsv(["a", "b"], series)).toBe("at\truns\na\t1200\nb\t");
  expect([total([1, null, 2]), last([1, null]), last([null])]).toEqual([3, 1, null]);
  expect([0, 950, 12_400, 3_400_000].map(compact)).toEqual(["0", "950", "12.4k", "3.4M"]);
});
