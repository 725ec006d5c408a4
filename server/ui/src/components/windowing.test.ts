import { expect, it } from "vitest";
import { isInView, windowOf, withHead } from "./windowing";

it("renders what can be seen and a little more", () => {
  expect(windowOf(10_000, 40, 0, 800)).toEqual({ first: 0, last: 32 });
  expect(windowOf(10_000, 40, 200_000, 800)).toEqual({ first: 4_988, last: 5_032 });
  expect(windowOf(10_000, 40, 399_200, 800)).toEqual({ first: 9_968, last: 10_000 });
  expect(windowOf(8, 40, -3_000, 800)).toEqual({ first: 0, last: 8 });
  expect(windowOf(0, 40, 0, 800)).toEqual({ first: 0, last: 0 });
});

const row = (id: number, status = "old") => ({ id: String(id), status });

it("puts what is new above, and what changed in its place", () => {
  const rest = [row(3), row(2), row(1)];
  expect(withHead([row(5, "new"), row(4, "new"), row(3, "new")], rest)).toEqual([
    row(5, "new"),
    row(4, "new"),
    row(3, "new"),
    row(2),
    row(1),
  ]);
  expect(withHead([], rest)).toBe(rest);
  expect(withHead([row(9), row(8)], rest)).toBe(rest);
});

it("ten thousand rows are merged within a frame", () => {
  const rest = Array.from({ length: 10_000 }, (_, index) => row(10_000 - index));
  const head = Array.from({ length: 50 }, (_, index) => row(10_020 - index, "new"));
  // The fastest of some: on a busy machine others take turns of the processor in between.
  const took = Array.from({ length: 20 }, () => {
    const began = performance.now();
    withHead(head, rest);
    return performance.now() - began;
  });
  expect(Math.min(...took)).toBeLessThan(16);
});

it("of looks that a busy page gets together the last one counts", () => {
  expect(isInView([{ isIntersecting: false }, { isIntersecting: true }])).toBe(true);
  expect(isInView([{ isIntersecting: true }, { isIntersecting: false }])).toBe(false);
  expect(isInView([])).toBe(false);
});
