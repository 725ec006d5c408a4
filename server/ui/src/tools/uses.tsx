import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { SLOW_MS } from "../api/queries";
import { AgentName } from "../components/agent-name";
import { Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { Id, When } from "../components/values";

export function usesQuery(tool: string) {
  return queryOptions({
    queryKey: ["tool", tool, "uses"],
    queryFn: () => body(api.GET("/v1/tools/{tool}/uses", { params: { path: { tool } } })),
    refetchInterval: SLOW_MS,
  });
}

/** Who used a tool lately. */
export function ToolUses({ tool }: { tool: string }): ReactNode {
  const query = useQuery(usesQuery(tool));
  return (
    <Card title="Who used it" aside={<span className="muted small">the latest 50 calls</span>}>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nobody lately">
              <p>Runs whose task it fits find it by themselves while it is active.</p>
            </Empty>
          ) : (
            <TableBox label="Uses">
              <thead>
                <tr>
                  <th>Result</th>
                  <th>Agent</th>
                  <th>Run</th>
                  <th className="wide">Session</th>
                  <th className="number wide">Version</th>
                  <th className="number">When</th>
                </tr>
              </thead>
              <tbody>
                {items.map((use) => (
                  <tr key={`${use.run_id} ${use.at}`}>
                    <td>
                      <Status tone={use.ok ? "ok" : "bad"}>{use.ok ? "ok" : "failed"}</Status>
                    </td>
                    <td>
                      <AgentName id={use.agent_id} />
                    </td>
                    <td>
                      <Id id={use.run_id} to={`/runs/${use.run_id}`} what="run id" />
                    </td>
                    <td className="wide">
                      <Id id={use.session_id} to={`/sessions/${use.session_id}`} what="session id" />
                    </td>
                    <td className="number wide">{use.version}</td>
                    <td className="number">
                      <When at={use.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </TableBox>
          )
        }
      </Loaded>
    </Card>
  );
}
