/** How much of a bound is used. */
export interface Share {
  readonly used: number;
  readonly bound: number;
  readonly left: number;
  readonly tone: "ok" | "wait" | "bad";
}

const CLOSE = 0.8; // from here on somebody should look

export function shareOf(used: number, bound: number): Share {
  const left = Math.max(0, bound - used);
  const part = bound > 0 ? used / bound : 1;
  return { used, bound, left, tone: part >= 1 ? "bad" : part >= CLOSE ? "wait" : "ok" };
}

/** Millionths of a unit of money, as money without its currency: that is the operator's. */
export function money(micros: number): string {
  const units = micros / 1e6;
  const digits = units !== 0 && Math.abs(units) < 1 ? 4 : 2;
  return units.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: digits });
}
