import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import type { PeriodView } from "./schema.gen";

export type Period = PeriodView;

export const RANGES = {
  day: { text: "24 hours", width: "hour", periods: 24 },
  week: { text: "7 days", width: "hour", periods: 168 },
  month: { text: "30 days", width: "day", periods: 30 },
} as const;
export type Range = keyof typeof RANGES;

const REFRESH_MS = 30_000;

export function statisticsQuery(range: Range) {
  const { width, periods } = RANGES[range];
  return queryOptions({
    queryKey: ["statistics", range],
    queryFn: async () => (await body(api.GET("/v1/statistics", { params: { query: { width, periods } } }))).items,
    refetchInterval: REFRESH_MS,
    // The picture of the old range stays until the new one is there.
    placeholderData: (before: readonly Period[] | undefined) => before as Period[] | undefined,
  });
}
