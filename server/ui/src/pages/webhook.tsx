import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import type { WebhookView } from "../api/schema.gen";
import { webhookQuery } from "../api/webhooks";
import { AgentName } from "../components/agent-name";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { Copy, Fact, Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { WebhookActions } from "../webhooks/actions";
import { Deliveries } from "../webhooks/deliveries";
import { WebhookState } from "./webhooks";

export default function WebhookPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(webhookQuery(id));
  return (
    <LoadedPage query={query} title="Webhook" crumb={{ to: "/webhooks", text: "Webhooks" }}>
      {(webhook) => <Detail webhook={webhook} />}
    </LoadedPage>
  );
}

function Detail({ webhook }: { webhook: WebhookView }): ReactNode {
  const can = useCan();
  return (
    <Page
      title={webhook.url}
      heading={
        <span className="row">
          <span className="mono">{webhook.url}</span>
          <Copy text={webhook.url} what="address" />
        </span>
      }
      crumb={{ to: "/webhooks", text: "Webhooks" }}
      actions={
        can("webhooks:write") && (
          <>
            <WebhookActions webhook={webhook} />
            <Link className="button button-primary" to={`/webhooks/${webhook.id}/edit`}>
              Edit
            </Link>
          </>
        )
      }
    >
      {webhook.description && <p className="muted">{webhook.description}</p>}
      {!webhook.enabled && (
        <div className="notice notice-waiting" role="status">
          <b>Disabled</b>
          <span className="muted">
            {webhook.disabled_reason ?? "No event is owed to it."} What was owed before waits until it is enabled again.
          </span>
        </div>
      )}
      <Card>
        <dl className="facts card-body">
          <Fact name="State">
            <WebhookState webhook={webhook} />
          </Fact>
          <Fact name="Events">
            <span className="mono">{webhook.events.join(", ")}</span>
          </Fact>
          <Fact name="Of">{webhook.agent_id ? <AgentName id={webhook.agent_id} /> : "every agent"}</Fact>
          <Fact name="Failing since">{webhook.failing_since ? <When at={webhook.failing_since} /> : "it is not"}</Fact>
          {webhook.previous_secret_until && (
            <Fact name="Old secret valid until">
              <When at={webhook.previous_secret_until} />
            </Fact>
          )}
          <Fact name="Made">
            <When at={webhook.created_at} />
          </Fact>
          <Fact name="Id">
            <Id id={webhook.id} what="webhook id" />
          </Fact>
        </dl>
      </Card>
      <Deliveries webhook={webhook} />
    </Page>
  );
}
