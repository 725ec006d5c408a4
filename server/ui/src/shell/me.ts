import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { meQuery } from "../api/queries";
import type { KeyView } from "../api/schema.gen";

export type Scope = KeyView["scopes"][number];

const NONE: readonly Scope[] = [];

/** Whether the signed-in key may do something: nobody is shown a button that would be refused. */
export function useCan(): (scope: Scope) => boolean {
  const scopes = useQuery(meQuery).data?.scopes ?? NONE;
  return useCallback((scope) => scopes.includes(scope) || scopes.includes("admin"), [scopes]);
}
