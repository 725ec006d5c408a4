import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";

const activationQuery = queryOptions({
  queryKey: ["tool-activation"],
  queryFn: () => body(api.GET("/v1/tool-activation")),
});

/** Whether pure tools come in by themselves; a switch for who may change policies. */
export function ToolActivation(): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail } = useToasts();
  const query = useQuery(activationQuery);
  const change = useMutation({
    mutationFn: (activate_pure: boolean) => body(api.PUT("/v1/tool-activation", { body: { activate_pure } })),
    onSuccess: (said) => client.setQueryData(activationQuery.queryKey, said),
    onError: fail,
  });
  if (!query.data) return null;
  const on = query.data.activate_pure;
  if (!can("policies:write")) {
    return (
      <p className="muted small">
        {on ? "Pure tools that pass every gate come into use by themselves." : "Every new tool waits for a person."}
      </p>
    );
  }
  return (
    <label className="check small">
      <input
        type="checkbox"
        checked={on}
        disabled={change.isPending}
        onChange={(event) => change.mutate(event.target.checked)}
      />
      <span>
        Pure tools that pass every gate come into use by themselves; what declares more than computing always waits.
      </span>
    </label>
  );
}
