import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged, SLOW_MS } from "./queries";
import type { ScheduleView } from "./schema.gen";

export type Timing = ScheduleView["timing"];

export const schedulesQuery = infiniteQueryOptions({
  queryKey: ["schedules"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/schedules", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

export function scheduleQuery(id: string) {
  return queryOptions({
    queryKey: ["schedule", id],
    queryFn: () => body(api.GET("/v1/schedules/{schedule_id}", { params: { path: { schedule_id: id } } })),
    refetchInterval: SLOW_MS,
  });
}

export function dueQuery(id: string) {
  return queryOptions({
    queryKey: ["schedule", id, "next"],
    queryFn: () =>
      body(api.GET("/v1/schedules/{schedule_id}/next", { params: { path: { schedule_id: id }, query: { count: 5 } } })),
    refetchInterval: SLOW_MS,
  });
}

export function firingsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["schedule", id, "firings"],
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/schedules/{schedule_id}/firings", {
          params: { path: { schedule_id: id }, query: { ...page(pageParam), limit: 20 } },
        }),
      ),
    ...paged,
    refetchInterval: SLOW_MS,
  });
}

/** Only the latest firing. */
export function lastFiringQuery(id: string) {
  return queryOptions({
    queryKey: ["schedule", id, "last"],
    queryFn: async () => {
      const params = { path: { schedule_id: id }, query: { limit: 1 } };
      const { items } = await body(api.GET("/v1/schedules/{schedule_id}/firings", { params }));
      return items[0] ?? null;
    },
    staleTime: 5_000,
    refetchInterval: SLOW_MS,
  });
}

/** When a timing would be due; null asks nothing. A timing that the server refuses is an error. */
export function previewQuery(timing: Timing | null) {
  return queryOptions({
    queryKey: ["schedule-preview", timing],
    queryFn: () => {
      if (timing === null) throw new Error("nothing to preview");
      return body(api.POST("/v1/schedules/preview", { body: { timing, count: 5 } }));
    },
    enabled: timing !== null,
    retry: false,
    staleTime: 30_000,
  });
}
