import { describe, expect, it } from "vitest";
import { limitFault, limitsIn, textsOf } from "./limit-texts";

describe("limits in a form", () => {
  it("come back as they went in, and empty is the server's", () => {
    const limits = { requests_per_minute: 600, burst: null, connections: 5 };
    expect(limitsIn(textsOf(limits))).toEqual(limits);
    expect(limitsIn(textsOf(null))).toEqual({ requests_per_minute: null, burst: null, connections: null });
  });

  it("may be written with commas", () => {
    expect(limitsIn({ requests_per_minute: " 60,000 ", burst: "", connections: "" }).requests_per_minute).toBe(60_000);
  });

  it.each(["0", "-3", "1.5", "many"])("are not %s", (text) => {
    expect(limitFault({ ...textsOf(null), burst: text }, 1000)).toBe("a whole number above 0, or nothing");
  });

  it("are not above the server's highest rate, which bounds no places", () => {
    expect(limitFault({ ...textsOf(null), requests_per_minute: "1001" }, 1000)).toBe("at most 1,000");
    expect(limitFault({ ...textsOf(null), connections: "1001" }, 1000)).toBeNull();
  });
});
