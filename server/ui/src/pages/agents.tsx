import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { agentsQuery } from "../api/queries";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Id, When } from "../components/values";
import { useCan } from "../shell/me";

export default function Agents(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(agentsQuery);
  const create = can("agents:write") && (
    <Link className="button button-primary" to="/agents/new">
      New agent
    </Link>
  );
  return (
    <Page title="Agents" actions={create}>
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title="No agent yet">
              <p>An agent is a line of versions: instructions, a model, tools, memory and limits.</p>
              {create}
            </Empty>
          }
        >
          {(agents) => (
            <TableBox label="Agents">
              <thead>
                <tr>
                  <th>Name</th>
                  <th className="wide">Description</th>
                  <th>Version</th>
                  <th className="wide">Id</th>
                  <th className="number">Changed</th>
                </tr>
              </thead>
              <tbody>
                {agents.map((agent) => (
                  <tr key={agent.id}>
                    <td>
                      <Link className="clip" to={`/agents/${agent.id}`}>
                        {agent.name}
                      </Link>
                    </td>
                    <td className="wide">
                      <span className="clip muted">{agent.description}</span>
                    </td>
                    <td>{agent.current_version}</td>
                    <td className="wide">
                      <Id id={agent.id} what="agent id" />
                    </td>
                    <td className="number">
                      <When at={agent.updated_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </TableBox>
          )}
        </Paged>
      </Card>
    </Page>
  );
}
