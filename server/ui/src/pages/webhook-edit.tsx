import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { Check, TextField } from "../agents/fields";
import { faultsOf } from "../agents/spec-form";
import { api, body, idempotencyKey } from "../api/client";
import type { WebhookView } from "../api/schema.gen";
import { webhookQuery } from "../api/webhooks";
import { AgentSelect } from "../components/agent-select";
import { useUnsaved } from "../components/leaving";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { useToasts } from "../components/toasts";
import { changesOf } from "../text/changes";
import { clipped } from "../text/format";
import { FAMILIES, filterFault, filtersOf, urlFault } from "../webhooks/filters";
import { keepSecret } from "../webhooks/fresh-secret";

const ADDRESS = 40; // characters of an address as a way back

export default function EditWebhook(): ReactNode {
  const { id } = useParams();
  const query = useQuery({ ...webhookQuery(id ?? ""), enabled: id !== undefined, refetchInterval: false });
  if (id === undefined) return <Editor webhook={null} />;
  return (
    <LoadedPage query={query} title="Edit webhook" crumb={{ to: "/webhooks", text: "Webhooks" }}>
      {(webhook) => <Editor key={webhook.id} webhook={webhook} />}
    </LoadedPage>
  );
}

function Editor({ webhook }: { webhook: WebhookView | null }): ReactNode {
  const [base] = useState(webhook); // what the form began with, whatever is read meanwhile
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [agent, setAgent] = useState<string | undefined>(webhook?.agent_id ?? undefined);
  const [text, setText] = useState((webhook?.events ?? ["run.*"]).join("\n"));
  const { release } = useUnsaved([url, description, agent, text]);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const events = filtersOf(text);
  const save = useMutation({
    mutationFn: async () => {
      const given = { url, description, events, agent: agent ?? null };
      if (base) {
        const params = { path: { webhook_id: base.id } };
        const changes = changesOf({ ...base, agent: base.agent_id }, given);
        return { ...(await body(api.PATCH("/v1/webhooks/{webhook_id}", { params, body: changes }))), secret: null };
      }
      return body(api.POST("/v1/webhooks", { params: { header: idempotencyKey() }, body: given }));
    },
    onSuccess: async (saved) => {
      void client.invalidateQueries({ queryKey: ["webhooks"] });
      await client.invalidateQueries({ queryKey: ["webhook", saved.id] });
      tell(webhook ? "The next event sees the change" : "It is told of events from now on");
      if (saved.secret !== null) keepSecret(client, saved.id, saved.secret);
      release();
      void navigate(`/webhooks/${saved.id}`);
    },
    onError: fail,
  });
  const faults = faultsOf(save.error);
  const isReady = urlFault(url) === null && filterFault(events) === null;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) save.mutate();
  }
  function toggle(filter: string, on: boolean): void {
    const others = events.filter((each) => each !== filter);
    setText((on ? [...others, filter] : others).join("\n"));
  }
  return (
    <Page
      title={webhook ? "Edit webhook" : "New webhook"}
      crumb={
        webhook
          ? { to: `/webhooks/${webhook.id}`, text: clipped(webhook.url, ADDRESS) }
          : { to: "/webhooks", text: "Webhooks" }
      }
    >
      <form className="stack" onSubmit={submit}>
        <Card title="Where to">
          <div className="card-body stack">
            <TextField
              label="Address"
              value={url}
              placeholder="https://example.org/hooks/hortus"
              hint="http or https, to a public address"
              fault={url === "" ? undefined : (urlFault(url) ?? faults["url"])}
              onChange={setUrl}
            />
            <TextField label="Description" value={description} onChange={setDescription} />
            <div className="field">
              <span className="label">Only sessions of</span>
              <AgentSelect value={agent} onChange={setAgent} />
            </div>
          </div>
        </Card>
        <Card title="Which events">
          <div className="card-body halves">
            <fieldset className="stack scopes" aria-label="Families of events">
              <Check label="*" hint="all of them" checked={events.includes("*")} onChange={(on) => toggle("*", on)} />
              {FAMILIES.map(({ name, hint }) => (
                <Check
                  key={name}
                  label={`${name}.*`}
                  hint={hint}
                  checked={events.includes(`${name}.*`)}
                  onChange={(on) => toggle(`${name}.*`, on)}
                />
              ))}
            </fieldset>
            <TextField
              label="Filters"
              rows={8}
              value={text}
              hint="one a line: run.succeeded, run.*, *"
              fault={filterFault(events) ?? faults["events"]}
              onChange={setText}
            />
          </div>
        </Card>
        <div className="row">
          <button type="submit" className="button button-primary button-big" disabled={!isReady || save.isPending}>
            {save.isPending ? "Saving…" : webhook ? "Save" : "Create webhook"}
          </button>
          <Link className="button button-big" to={webhook ? `/webhooks/${webhook.id}` : "/webhooks"}>
            Cancel
          </Link>
        </div>
      </form>
    </Page>
  );
}
