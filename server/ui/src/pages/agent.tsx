import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { SpecView } from "../agents/spec-view";
import { AgentVersions } from "../agents/versions";
import { agentQuery } from "../api/queries";
import type { AgentDetailView } from "../api/schema.gen";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { Fact, Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { StopAllButtons } from "../stops/place";

export default function AgentPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(agentQuery(id));
  return (
    <LoadedPage query={query} title="Agent" crumb={{ to: "/agents", text: "Agents" }}>
      {(agent) => <Detail agent={agent} />}
    </LoadedPage>
  );
}

function Detail({ agent }: { agent: AgentDetailView }): ReactNode {
  const can = useCan();
  return (
    <Page
      title={agent.name}
      crumb={{ to: "/agents", text: "Agents" }}
      actions={
        <>
          <StopAllButtons agent={agent.id} name={agent.name} />
          {can("sessions:write") && can("runs:write") && (
            <Link className="button" to={`/sessions?new=1&with=${agent.id}`}>
              Start a session
            </Link>
          )}
          {can("agents:write") && (
            <Link className="button button-primary" to={`/agents/${agent.id}/edit`}>
              Edit
            </Link>
          )}
        </>
      }
    >
      {agent.description && <p className="muted">{agent.description}</p>}
      <Card>
        <dl className="facts card-body">
          <Fact name="Version in use">{agent.current_version}</Fact>
          <Fact name="Id">
            <Id id={agent.id} what="agent id" />
          </Fact>
          <Fact name="Changed">
            <When at={agent.updated_at} />
          </Fact>
          <Fact name="Runs">
            <Link to={`/runs?agent=${agent.id}`}>its runs</Link>
          </Fact>
          <Fact name="Memories">
            <Link to={`/memory?agent=${agent.id}`}>its memories</Link>
          </Fact>
        </dl>
      </Card>
      <AgentVersions agent={agent} />
      <Card title={`Definition, version ${agent.current_version}`}>
        <SpecView spec={agent.spec} />
      </Card>
    </Page>
  );
}
