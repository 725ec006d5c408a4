import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { count } from "../text/format";
import { money } from "./share";

function sessionBudgetQuery(id: string) {
  return queryOptions({
    queryKey: ["session-budget", id],
    queryFn: () => body(api.GET("/v1/sessions/{session_id}/budget", { params: { path: { session_id: id } } })),
    refetchInterval: 10_000,
  });
}

/** What a session's ended runs have used, and what its next one may; `runs` is how many have ended. */
export function SessionBudget({ id }: { id: string }): ReactNode {
  const budget = useQuery(sessionBudgetQuery(id)).data;
  if (!budget) return <span>…</span>;
  const parts = [
    part("tokens", budget.tokens, budget.tokens_per_session, count),
    budget.cost_micros > 0 || budget.cost_micros_per_session !== null
      ? part("cost", budget.cost_micros, budget.cost_micros_per_session, money)
      : null,
    budget.tokens_left_today !== null ? `${count(budget.tokens_left_today)} tokens left today` : null,
    budget.cost_micros_left_today !== null ? `${money(budget.cost_micros_left_today)} cost left today` : null,
  ];
  return <span>used {parts.filter(Boolean).join(", ")}</span>;
}

function part(name: string, used: number, bound: number | null, show: (value: number) => string): string {
  return bound === null ? `${show(used)} ${name}` : `${show(used)} of ${show(bound)} ${name}`;
}
