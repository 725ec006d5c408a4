import type { RecallReason } from "../api/schema.gen";

/** Why a memory was found: by its meaning, by its words, or both, and how well each fits. */
export function reasonWords(why: RecallReason | null | undefined): string {
  if (!why) return "";
  const place = (rank: number | null | undefined) => (typeof rank === "number" ? `, no. ${rank}` : "");
  const coverage = why.coverage ?? 0;
  const parts = [
    typeof why.cosine === "number" && `meaning ${why.cosine.toFixed(2)}${place(why.meaning_rank)}`,
    coverage > 0 && `${Math.round(coverage * 100)}% of the words${place(why.words_rank)}`,
  ].filter(Boolean);
  return parts.join("; ") || "near to it, without a word in common";
}
