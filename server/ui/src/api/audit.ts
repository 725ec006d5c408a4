import { infiniteQueryOptions } from "@tanstack/react-query";
import type { AuditFilter } from "../settings/audit-words";
import { api, body } from "./client";
import { page, paged } from "./queries";
import type { AuditReportView } from "./schema.gen";

export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam }) => body(api.GET("/v1/audit", { params: { query: { ...page(pageParam), ...filter } } })),
    ...paged,
    // A refresh reads every page that is shown: only the first one is live.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) <= 1 ? 5_000 : false),
  });
}

/** Reads the whole log; what it finds is in the report. */
export function verifyAudit(): Promise<AuditReportView> {
  return body(api.POST("/v1/audit/verify", { body: null })) as Promise<AuditReportView>;
}
