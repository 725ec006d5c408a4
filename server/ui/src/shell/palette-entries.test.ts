import { expect, it } from "vitest";
import { type Entry, idEntries, matching, together } from "./palette-entries";

const ENTRIES = [
  { to: "/runs", text: "Runs", kind: "page" },
  { to: "/agents/1", text: "gardener", kind: "agent" },
  { to: "/tools/1", text: "to_roman", kind: "tool" },
  { to: "/sessions/1", text: "What grows in a garden?", kind: "session" },
];

it("finds by every word, and puts what begins with the first one in front", () => {
  expect(matching(ENTRIES, "garden").map((entry) => entry.to)).toEqual(["/agents/1", "/sessions/1"]);
  expect(matching(ENTRIES, "session garden").map((entry) => entry.to)).toEqual(["/sessions/1"]);
  expect(matching(ENTRIES, "")).toEqual(ENTRIES);
});

it("finds by words that are not shown, such as the beginning of an id", () => {
  const run = { to: "/runs/1", text: "What is 2 + 3?", kind: "run", words: "01a200b1-bc54 gardener" };
  expect(matching([...ENTRIES, run], "01a200b1")).toEqual([run]);
  expect(matching([...ENTRIES, run], "run gardener")).toEqual([run]);
});

it("an id may be of anything, and half an id of nothing", () => {
  expect(idEntries(" 01A200B1-bc54-722b-8c1b-082aa8f9a318 ").map((entry) => entry.to.split("/")[1])).toEqual([
    "runs",
    "sessions",
    "memory",
    "agents",
    "tools",
    "policies",
    "schedules",
    "webhooks",
  ]);
  expect(idEntries("01a200b1")).toEqual([]);
});

it("what the server found comes after what is known, once, and is not crowded out by it", () => {
  const old = { to: "/runs/old", text: "Run 1", kind: "run, failed" };
  const known = [...ENTRIES, ...Array.from({ length: 50 }, (_, n) => ({ to: `/runs/${n}`, text: "Run", kind: "run" }))];
  expect(together(known, [], 20)).toEqual(known);
  expect(together(known, [ENTRIES[0] as Entry, old], 20)).toEqual([...known.slice(0, 20), old]);
});
