import { useQuery } from "@tanstack/react-query";
import { meQuery } from "../api/queries";
import type { KeyView } from "../api/schema.gen";

export type Scope = KeyView["scopes"][number];

/** Whether the signed-in key may do something: nobody is shown a button that would be refused. */
export function useCan(): (scope: Scope) => boolean {
  const scopes = useQuery(meQuery).data?.scopes ?? [];
  return (scope) => scopes.includes(scope) || scopes.includes("admin");
}
