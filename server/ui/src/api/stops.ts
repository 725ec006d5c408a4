import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import type { StopInForceView } from "./schema.gen";

export type Order = StopInForceView;

const LOOK_MS = 5_000;

/** What stops runs of this tenant now; every page shows it. */
export const stopsQuery = queryOptions({
  queryKey: ["stops"],
  queryFn: () => body(api.GET("/v1/stops")),
  refetchInterval: LOOK_MS,
  refetchIntervalInBackground: true,
});

/** What was stopped once, for the record. */
export const liftedStopsQuery = queryOptions({
  queryKey: ["stops", "lifted"],
  queryFn: () => body(api.GET("/v1/stops/lifted")),
});

export async function lift(order: Order): Promise<void> {
  if (order.kind === "freeze") await api.DELETE("/v1/admin/freeze");
  else if (order.scope === "tenant") await api.DELETE("/v1/admin/stop");
  else await api.DELETE("/v1/agents/{agent}/stop", { params: { path: { agent: order.subject_id } } });
}

export async function freeze(reason: string): Promise<void> {
  await api.POST("/v1/admin/freeze", { body: { reason } });
}

/** All runs of an agent, or of the tenant without one; how many were cancelled. */
export async function stopAll(action: "pause" | "cancel", reason: string, agent?: string): Promise<number> {
  const given = { body: { action, reason } };
  const answer =
    agent === undefined
      ? await body(api.POST("/v1/admin/stop", given))
      : await body(api.POST("/v1/agents/{agent}/stop", { params: { path: { agent } }, ...given }));
  return answer.cancelled ?? 0;
}
