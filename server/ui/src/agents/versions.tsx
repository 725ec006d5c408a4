import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { versionsQuery } from "../api/queries";
import type { AgentDetailView } from "../api/schema.gen";
import { Versions } from "../versions/versions";
import { Diff } from "./diff";

/** An agent's versions: what each runs on, compared field by field. */
export function AgentVersions({ agent }: { agent: AgentDetailView }): ReactNode {
  const client = useQueryClient();
  const query = useInfiniteQuery(versionsQuery(agent.id));
  async function pin(version: number): Promise<string> {
    const params = { path: { agent: agent.id } };
    const changed = await body(api.POST("/v1/agents/{agent}/pin", { params, body: { version } }));
    void client.invalidateQueries({ queryKey: ["agent", agent.id] });
    void client.invalidateQueries({ queryKey: ["agents"] });
    return `New runs use version ${changed.current_version}`;
  }
  return (
    <Versions
      query={query}
      current={agent.current_version}
      mark="in use"
      columns={[
        { name: "Model", className: "wide", cell: (each) => each.spec.model },
        { name: "Tools", className: "wide muted", cell: (each) => each.spec.tools.join(", ") || "none" },
      ]}
      needs="agents:write"
      pinWords={() => "Pin"}
      pin={pin}
      diff={(before, after) => <Diff agent={agent.id} before={before} after={after} />}
    />
  );
}
