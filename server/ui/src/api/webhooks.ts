import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged, SLOW_MS } from "./queries";
import type { DeliveryView } from "./schema.gen";

export type DeliveryState = DeliveryView["state"];

export const webhooksQuery = infiniteQueryOptions({
  queryKey: ["webhooks"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/webhooks", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

export function webhookQuery(id: string) {
  return queryOptions({
    queryKey: ["webhook", id],
    queryFn: () => body(api.GET("/v1/webhooks/{webhook_id}", { params: { path: { webhook_id: id } } })),
    refetchInterval: SLOW_MS,
  });
}

export function deliveriesQuery(id: string, state: DeliveryState | undefined) {
  return infiniteQueryOptions({
    queryKey: ["webhook", id, "deliveries", state],
    queryFn: ({ pageParam }) => {
      const query = { ...page(pageParam), ...(state ? { state } : {}) };
      return body(api.GET("/v1/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: id }, query } }));
    },
    ...paged,
    refetchInterval: 5_000,
  });
}

export function deliveryQuery(webhook: string, id: string) {
  return queryOptions({
    queryKey: ["webhook", webhook, "delivery", id],
    queryFn: () =>
      body(
        api.GET("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", {
          params: { path: { webhook_id: webhook, delivery_id: id } },
        }),
      ),
    refetchInterval: 5_000,
  });
}
