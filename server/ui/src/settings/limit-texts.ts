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
    if (value !== null && !isCount(value)) return "a whole number above 0, or nothing";
  }
  const { requests_per_minute, burst } = limitsIn(texts);
  if (Math.max(requests_per_minute ?? 0, burst ?? 0) > most) return `at most ${most.toLocaleString("en")}`;
  return null;
}

/** Whether a text is nothing, or a whole number from 1 to `most`. */
export function isWhole(text: string, most: number): boolean {
  const value = whole(text);
  return value === null || (isCount(value) && value <= most);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** The number that a text is, with or without commas; null for nothing, NaN for what is none. */
export function whole(text: string): number | null {
  const plain = text.trim().replaceAll(",", "");
  return plain === "" ? null : Number(plain);
}
