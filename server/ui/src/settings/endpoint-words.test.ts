import { expect, it } from "vitest";
import type { EndpointView } from "../api/schema.gen";
import { breakerWords, toldBy } from "./endpoint-words";

type Sight = EndpointView["processes"][number];
const sight = (few: Partial<Sight>) =>
  ({ at: "2026-01-01T00:00:00Z", circuit: "closed", running: null, queued: null, cache: null, ...few }) as Sight;

it("takes what the endpoint told last, whichever worker asked", () => {
  const older = sight({ running: 4, queued: 1, cache: 0.9 });
  const newer = sight({ at: "2026-01-01T00:00:05Z", running: 2, cache: 0.5 });
  expect(toldBy({ processes: [older, newer, sight({ at: "2026-01-01T00:00:09Z" })] })).toEqual({
    running: 2,
    queued: 1,
    cache: 0.5,
  });
  expect(toldBy({ processes: [sight({})] })).toEqual({ running: null, queued: null, cache: null });
});

it("says in how many workers a breaker is not closed", () => {
  expect(breakerWords({ processes: [sight({}), sight({})] })).toBe("closed");
  const some = [sight({ circuit: "open" }), sight({}), sight({ circuit: "half_open" })];
  expect(breakerWords({ processes: some })).toBe("open in 1 worker, half open in 1 worker");
});
