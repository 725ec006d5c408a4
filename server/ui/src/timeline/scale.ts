const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
];

/** Round offsets for an axis of `span` milliseconds, at most `most` of them, from 0 on. */
export function ticks(span: number, most: number): number[] {
  const step = STEPS_MS.find((each) => span / each <= most) ?? 86_400_000 * Math.ceil(span / 86_400_000 / most);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}
