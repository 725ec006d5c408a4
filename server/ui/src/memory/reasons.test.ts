import { expect, it } from "vitest";
import { reasonWords } from "./reasons";

it("says whether meaning, words, or both found a memory", () => {
  expect(reasonWords({ cosine: 0.724, coverage: 0.5, meaning_rank: 1, words_rank: 3 })).toBe(
    "meaning 0.72, no. 1; 50% of the words, no. 3",
  );
  expect(reasonWords({ cosine: null, coverage: 1, meaning_rank: null, words_rank: 2 })).toBe(
    "100% of the words, no. 2",
  );
  expect(reasonWords({ cosine: 0, coverage: 0, meaning_rank: 9, words_rank: null })).toBe("meaning 0.00, no. 9");
});

it("says nothing of recalls from before reasons were kept", () => {
  expect([reasonWords(null), reasonWords(undefined)]).toEqual(["", ""]);
});
