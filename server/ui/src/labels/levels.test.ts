import { expect, test } from "vitest";
import type { Label } from "../api/schema.gen";
import { countedLabel, levelText } from "./levels";
import { marksOf } from "./marks";

const OWN: Label = { origin: "memory", trust: 1, sensitivity: 1, source: "a run" };

test("a memory counts as sensitive as somebody said, and never less than its label", () => {
  const texts = (floor: 0 | 1 | 2 | null, label: Label | null = OWN) =>
    marksOf(countedLabel({ label, sensitivity_floor: floor })).map((mark) => mark.text);
  expect(texts(2)).toEqual(["confidential"]);
  expect(texts(null)).toEqual([]);
  expect(texts(1, { ...OWN, sensitivity: 2 })).toEqual(["confidential"]);
});

test("a memory from before labels is shown as one only where somebody spoke", () => {
  expect(countedLabel({ label: null, sensitivity_floor: null })).toBeNull();
  expect(marksOf(countedLabel({ label: null, sensitivity_floor: 2 })).map((mark) => mark.text)).toEqual([
    "untrusted",
    "confidential",
  ]);
});

test("levels have names", () => {
  expect([2, 1, 0].map(levelText)).toEqual(["confidential", "internal", "what its label says"]);
});
