import { describe, expect, it } from "vitest";
import { emptyTiming, formOf, timingFault, timingOf, timingWords } from "./timing";

describe("what is typed becomes a timing and back", () => {
  it.each([
    { kind: "cron", expression: "30 8 * * MON-FRI", time_zone: "Europe/Berlin" },
    { kind: "interval", every_s: 900, start_at: "2026-01-01T00:00:00Z" },
    { kind: "interval", every_s: 7, start_at: null },
    { kind: "once", at: "2026-05-01T10:30:00.000Z" },
  ] as const)("$kind", (timing) => expect(timingOf(formOf(timing, "UTC"))).toEqual(timing));
});

it("says what is missing", () => {
  const form = emptyTiming("UTC");
  expect(timingFault(form)).toBeNull();
  expect(timingFault({ ...form, expression: "* * * *" })).toContain("five fields");
  expect(timingFault({ ...form, zone: " " })).toContain("time zone");
  expect(timingFault({ ...form, kind: "interval", every: "0.5", unit: "seconds" })).toContain("whole number");
  expect(timingFault({ ...form, kind: "interval", every: "0.5", unit: "minutes" })).toBeNull();
  expect(timingFault({ ...form, kind: "interval", every: "400", unit: "days" })).toContain("366");
  expect(timingFault({ ...form, kind: "once" })).toContain("day and a time");
  expect(timingOf({ ...form, kind: "once" })).toBeNull();
});

it("is read in one line", () => {
  expect(timingWords({ kind: "interval", every_s: 5_400, start_at: null })).toBe("every 1 h 30 min");
  expect(timingWords({ kind: "cron", expression: "0 8 * * *", time_zone: "UTC" })).toBe("0 8 * * * (UTC)");
});
