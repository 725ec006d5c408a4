import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { meQuery } from "../api/queries";
import { useLeave } from "../components/leaving";
import { useToasts } from "../components/toasts";

/** The tenant that one works in; with several a choice, after which nothing of the other one stays on the page. */
export function TenantSwitch(): ReactNode {
  const me = useQuery(meQuery).data;
  const client = useQueryClient();
  const { fail } = useToasts();
  const leave = useLeave();
  const move = useMutation({
    mutationFn: (tenant_id: string) => body(api.POST("/v1/me/tenant", { body: { tenant_id } })),
    onSuccess: (there) => {
      client.clear();
      client.setQueryData(meQuery.queryKey, { ...there, via: "cookie" });
      window.location.assign("/");
    },
    onError: fail,
  });
  if (!me) return null;
  if (me.tenants.length < 2) return <span className="tenant muted">{me.tenant_name}</span>;
  return (
    <label className="tenant">
      <span className="visually-hidden">Tenant</span>
      <select
        className="input"
        value={me.tenant_id}
        disabled={move.isPending}
        onChange={({ target }) => leave(() => move.mutate(target.value))}
      >
        {me.tenants.map((place) => (
          <option key={place.tenant_id} value={place.tenant_id}>
            {place.tenant_name} ({place.role})
          </option>
        ))}
      </select>
    </label>
  );
}
