import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { policiesQuery } from "../api/policies";
import type { PolicyView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { DefaultRules } from "../policies/rule-table";
import { Simulator } from "../policies/simulator";
import { useCan } from "../shell/me";

export default function Policies(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(policiesQuery);
  const create = can("policies:write") && (
    <Link className="button button-primary" to="/policies/new">
      New policy
    </Link>
  );
  return (
    <Page title="Policies" actions={create}>
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title="No policy yet">
              <p>The defaults below decide. A policy says which tool calls happen, which do not, and which wait.</p>
              {create}
            </Empty>
          }
        >
          {(policies) => (
            <TableBox label="Policies">
              <thead>
                <tr>
                  <th>Policy</th>
                  <th>For</th>
                  <th>State</th>
                  <th className="number wide">Version</th>
                  <th className="number wide">Changed</th>
                </tr>
              </thead>
              <tbody>
                {policies.map((policy) => (
                  <PolicyRow key={policy.id} policy={policy} />
                ))}
              </tbody>
            </TableBox>
          )}
        </Paged>
      </Card>
      <Card title="Behind them: the defaults">
        <p className="card-body muted small">
          An agent's policy is asked first, then the tenant's, then these; the first rule that fits decides. Whatever a
          policy allows, an agent's definition may still withhold or leave to a person.
        </p>
        <DefaultRules />
      </Card>
      {can("policies:read") && <Simulator />}
    </Page>
  );
}

function PolicyRow({ policy }: { policy: PolicyView }): ReactNode {
  return (
    <tr>
      <td>
        <Link to={`/policies/${policy.id}`}>{policy.name}</Link>
        {policy.description && <div className="muted small wrap">{policy.description}</div>}
      </td>
      <td>{policy.agent_id ? <AgentName id={policy.agent_id} /> : <span className="muted">every agent</span>}</td>
      <td>
        <PolicyState policy={policy} />
      </td>
      <td className="number wide">{policy.current_version}</td>
      <td className="number wide">
        <When at={policy.updated_at} />
      </td>
    </tr>
  );
}

export function PolicyState({ policy }: { policy: PolicyView }): ReactNode {
  return policy.disabled_at ? <Status tone="quiet">disabled</Status> : <Status tone="ok">in force</Status>;
}
