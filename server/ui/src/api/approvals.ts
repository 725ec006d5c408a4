import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged } from "./queries";
import type { ApprovalView } from "./schema.gen";

export type Approval = ApprovalView;
export type Decision = ApprovalView["allowed"][number];

const LOOK_MS = 3_000;

/** What waits for a person, or everything that ever did. */
export function approvalsQuery(isPending: boolean) {
  return infiniteQueryOptions({
    queryKey: ["approvals", isPending],
    queryFn: ({ pageParam }) => {
      const query = { ...page(pageParam), ...(isPending ? { status: "pending" as const } : {}) };
      return body(api.GET("/v1/approvals", { params: { query } }));
    },
    ...paged,
    refetchInterval: LOOK_MS,
  });
}

/** One of them, which may have been decided meanwhile. */
export function approvalQuery(id: string) {
  return queryOptions({
    queryKey: ["approvals", "one", id],
    queryFn: () => body(api.GET("/v1/approvals/{approval_id}", { params: { path: { approval_id: id } } })),
  });
}

/** How many wait, as far as one page tells; the navigation shows it everywhere. */
export const waitingQuery = queryOptions({
  queryKey: ["approvals", "waiting"],
  queryFn: async () => {
    const { items, next_cursor } = await body(
      api.GET("/v1/approvals", { params: { query: { status: "pending", limit: 50 } } }),
    );
    return { count: items.length, isMore: next_cursor !== null };
  },
  refetchInterval: 5_000,
});

export function decide(id: string, decision: Decision, reason: string, answer: string | null): Promise<Approval> {
  const params = { path: { approval_id: id } };
  return body(api.POST("/v1/approvals/{approval_id}/decide", { params, body: { decision, reason, answer } }));
}
