import { expect, it } from "vitest";
import { money, shareOf } from "./share";

it("a bound is close from four fifths on, and gone at its end", () => {
  expect(shareOf(79, 100)).toEqual({ used: 79, bound: 100, left: 21, tone: "ok" });
  expect(shareOf(80, 100).tone).toBe("wait");
  expect(shareOf(130, 100)).toEqual({ used: 130, bound: 100, left: 0, tone: "bad" });
});

it("money is written to what matters", () => {
  expect([0, 1_500_000, 12_300, 2_500_000_000].map(money)).toEqual(["0.00", "1.50", "0.0123", "2,500.00"]);
});
