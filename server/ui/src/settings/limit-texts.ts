import type { LimitsView } from "../api/schema.gen";

export type LimitTexts = Readonly<Record<keyof LimitsView, string>>;

/** The limits as they stand in the form; what the server decides is an empty field. */
export function textsOf(limits: LimitsView | null): LimitTexts {
  const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));
  return {
    requests_per_minute: text(limits?.requests_per_minute),
    burst: text(limits?.burst),
    connections: text(limits?.connections),
  };
}

export function limitsIn(texts: LimitTexts): LimitsView {
  return {
    requests_per_minute: whole(texts.requests_per_minute),
    burst: whole(texts.burst),
    connections: whole(texts.connections),
  };
}

/** What is wrong with the first field that is wrong. */
export function limitFault(texts: LimitTexts, most: number): string | null {
  for (const value of Object.values(limitsIn(texts))) {
    if (value !== null && !(Number.isSafeInteger(value) && value >= 1)) return "a whole number above 0, or nothing";
  }
  const { requests_per_minute, burst } = limitsIn(texts);
  if (Math.max(requests_per_minute ?? 0, burst ?? 0) > most) return `at most ${most.toLocaleString("en")}`;
  return null;
}

function whole(text: string): number | null {
  const plain = text.trim().replaceAll(",", "");
  return plain === "" ? null : Number(plain);
}
