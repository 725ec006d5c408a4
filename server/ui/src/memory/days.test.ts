import { expect, it } from "vitest";
import { byDay } from "./days";

it("groups by the day on which something happened, newest first", () => {
  const at = (occurred_at: string) => ({ occurred_at });
  const days = byDay([at("2026-03-01T12:00:00Z"), at("2026-03-03T12:00:00Z"), at("2026-03-01T13:00:00Z")]);
  expect(days.map(({ day, items }) => [day.replace(",", ""), items.length])).toEqual([
    ["Tuesday 3 March 2026", 1],
    ["Sunday 1 March 2026", 2],
  ]);
  expect(days[1]?.items[0]?.occurred_at).toBe("2026-03-01T13:00:00Z");
  expect(byDay([])).toEqual([]);
});
