import { expect, test } from "vitest";
import type { Label } from "../api/schema.gen";
import { marksOf, markWords } from "./marks";

const WEB: Label = { origin: "web", trust: 0, sensitivity: 0, source: "https://a.example" };

test("untrusted and confidential texts are marked, with where they come from", () => {
  expect(marksOf({ ...WEB, sensitivity: 2 }).map((mark) => mark.text)).toEqual(["untrusted", "confidential"]);
  expect(marksOf(WEB)[0]?.detail).toContain("https://a.example");
  expect(markWords(WEB)).toBe(" · untrusted");
});

test("ordinary texts, and those from before labels were kept, have no mark", () => {
  expect(marksOf({ ...WEB, trust: 1, sensitivity: 1 })).toEqual([]);
  expect(markWords(null)).toBe("");
});
