import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged, SLOW_MS } from "./queries";

export const policiesQuery = infiniteQueryOptions({
  queryKey: ["policies"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/policies", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

export function policyQuery(id: string) {
  return queryOptions({
    queryKey: ["policy", id],
    queryFn: () => body(api.GET("/v1/policies/{policy}", { params: { path: { policy: id } } })),
    refetchInterval: SLOW_MS,
  });
}

export function policyVersionQuery(id: string, version: number) {
  return queryOptions({
    queryKey: ["policy", id, "version", version],
    queryFn: () =>
      body(api.GET("/v1/policies/{policy}/versions/{version}", { params: { path: { policy: id, version } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function policyVersionsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["policy", id, "versions"],
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/policies/{policy}/versions", {
          params: { path: { policy: id }, query: { ...page(pageParam), limit: 20 } },
        }),
      ),
    ...paged,
    refetchInterval: SLOW_MS,
  });
}

export function policyDiffQuery(id: string, before: number, after: number) {
  return queryOptions({
    queryKey: ["policy", id, "diff", before, after],
    queryFn: () =>
      body(api.GET("/v1/policies/{policy}/diff", { params: { path: { policy: id }, query: { before, after } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
