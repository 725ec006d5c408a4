import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { Diff } from "../agents/diff";
import { SpecView } from "../agents/spec-view";
import { api, body } from "../api/client";
import { agentQuery, versionsQuery } from "../api/queries";
import type { AgentDetailView, AgentVersionView } from "../api/schema.gen";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Loaded, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { StopAllButtons } from "../stops/place";
import { numberIn } from "../text/params";

export default function AgentPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(agentQuery(id));
  return <Loaded query={query}>{(agent) => <Detail agent={agent} />}</Loaded>;
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
      <Versions agent={agent} />
      <Card title={`Definition, version ${agent.current_version}`}>
        <SpecView spec={agent.spec} />
      </Card>
    </Page>
  );
}

function Versions({ agent }: { agent: AgentDetailView }): ReactNode {
  const query = useInfiniteQuery(versionsQuery(agent.id));
  const [params, setParams] = useSearchParams();
  const before = numberIn(params, "before");
  const after = numberIn(params, "after");
  const compare = (one: number, other: number) =>
    setParams({ before: String(one), after: String(other) }, { preventScrollReset: true });
  return (
    <Card title="Versions">
      <Paged query={query} empty={<Empty title="No version" />}>
        {(versions) => <VersionTable agent={agent} versions={versions} onCompare={compare} />}
      </Paged>
      {before !== null && after !== null && <Diff agent={agent.id} before={before} after={after} />}
    </Card>
  );
}

function VersionTable({
  agent,
  versions,
  onCompare,
}: {
  agent: AgentDetailView;
  versions: readonly AgentVersionView[];
  onCompare: (before: number, after: number) => void;
}): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const pin = useMutation({
    mutationFn: (version: number) =>
      body(api.POST("/v1/agents/{agent}/pin", { params: { path: { agent: agent.id } }, body: { version } })),
    onSuccess: (changed) => {
      void client.invalidateQueries({ queryKey: ["agent", agent.id] });
      void client.invalidateQueries({ queryKey: ["agents"] });
      tell(`New runs use version ${changed.current_version}`);
    },
    onError: fail,
  });
  return (
    <TableBox label="Versions">
      <thead>
        <tr>
          <th>Version</th>
          <th>Made</th>
          <th className="wide">Model</th>
          <th className="wide">Tools</th>
          <th>
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map((each) => (
          <tr key={each.id}>
            <td>
              <span className="row">
                {each.version}
                {each.version === agent.current_version && <Status tone="ok">in use</Status>}
              </span>
            </td>
            <td>
              <When at={each.created_at} />
            </td>
            <td className="wide">{each.spec.model}</td>
            <td className="wide muted">{each.spec.tools.join(", ") || "none"}</td>
            <td className="number">
              <span className="row row-end">
                {each.version > 1 && (
                  <button type="button" className="button" onClick={() => onCompare(each.version - 1, each.version)}>
                    Diff to {each.version - 1}
                  </button>
                )}
                {each.version !== agent.current_version && (
                  <button
                    type="button"
                    className="button"
                    onClick={() => onCompare(agent.current_version, each.version)}
                  >
                    Diff to {agent.current_version} in use
                  </button>
                )}
                {can("agents:write") && each.version !== agent.current_version && (
                  <button
                    type="button"
                    className="button"
                    disabled={pin.isPending}
                    onClick={() => pin.mutate(each.version)}
                  >
                    Pin
                  </button>
                )}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
