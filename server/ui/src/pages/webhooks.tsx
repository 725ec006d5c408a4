import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { WebhookView } from "../api/schema.gen";
import { webhooksQuery } from "../api/webhooks";
import { AgentName } from "../components/agent-name";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { useCan } from "../shell/me";

export default function Webhooks(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(webhooksQuery);
  const create = can("webhooks:write") && (
    <Link className="button button-primary" to="/webhooks/new">
      New webhook
    </Link>
  );
  return (
    <Page title="Webhooks" actions={create}>
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title="No webhook yet">
              <p>A webhook tells an endpoint of yours of events, signed, at least once, with retries.</p>
              {create}
            </Empty>
          }
        >
          {(webhooks) => (
            <TableBox label="Webhooks">
              <thead>
                <tr>
                  <th>Address</th>
                  <th>State</th>
                  <th className="wide">Events</th>
                  <th className="wide">Of</th>
                  <th className="number wide">Made</th>
                </tr>
              </thead>
              <tbody>
                {webhooks.map((webhook) => (
                  <tr key={webhook.id}>
                    <td>
                      <Link className="clip" to={`/webhooks/${webhook.id}`}>
                        {webhook.url}
                      </Link>
                      {webhook.description && <span className="muted small">{webhook.description}</span>}
                    </td>
                    <td>
                      <WebhookState webhook={webhook} />
                    </td>
                    <td className="wide">
                      <span className="clip muted">{webhook.events.join(", ")}</span>
                    </td>
                    <td className="wide">
                      {webhook.agent_id ? (
                        <AgentName id={webhook.agent_id} />
                      ) : (
                        <span className="muted">every agent</span>
                      )}
                    </td>
                    <td className="number wide">
                      <When at={webhook.created_at} />
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

export function WebhookState({ webhook }: { webhook: WebhookView }): ReactNode {
  if (!webhook.enabled) return <Status tone="quiet">disabled</Status>;
  if (webhook.failing_since) return <Status tone="bad">failing</Status>;
  return <Status tone="ok">enabled</Status>;
}
