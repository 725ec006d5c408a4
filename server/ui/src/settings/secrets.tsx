import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { SecretView } from "../api/schema.gen";
import { deleteSecret, secretsQuery } from "../api/secrets";
import { AgentName } from "../components/agent-name";
import { Confirm } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Copy, When } from "../components/values";
import { useCan } from "../shell/me";
import { EditSecret } from "./edit-secret";
import { SetSecret } from "./set-secret";

/** What is asked about, of which secret; a new one is of none yet. */
type Asked =
  | { readonly what: "set"; readonly of: SecretView | null }
  | { readonly what: "edit"; readonly of: SecretView };
const HOSTS_SHOWN = 3;

/** Names of credentials; a value is never shown, because the server never gives one back. */
export function Secrets(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(secretsQuery);
  const [asked, setAsked] = useState<Asked | null>(null);
  const create = can("secrets:write") && (
    <button type="button" className="button button-primary" onClick={() => setAsked({ what: "set", of: null })}>
      New secret
    </button>
  );
  return (
    <Card title="Secrets" aside={create}>
      <Paged
        query={query}
        empty={
          <Empty title="No secret yet">
            <p>
              A secret is a credential that tools send and no model sees. An agent’s definition names it as{" "}
              <code>{"{{secret:NAME}}"}</code> in a header for one host.
            </p>
          </Empty>
        }
      >
        {(secrets) => <SecretTable secrets={secrets} onAsk={can("secrets:write") ? setAsked : null} />}
      </Paged>
      {asked?.what === "set" && <SetSecret secret={asked.of} onClose={() => setAsked(null)} />}
      {asked?.what === "edit" && <EditSecret secret={asked.of} onClose={() => setAsked(null)} />}
    </Card>
  );
}

function SecretTable({
  secrets,
  onAsk,
}: {
  secrets: readonly SecretView[];
  onAsk: ((asked: Asked) => void) | null;
}): ReactNode {
  return (
    <TableBox label="Names of secrets">
      <thead>
        <tr>
          <th>Name</th>
          <th>May be sent to</th>
          <th>Used by</th>
          <th className="wide">Only for</th>
          <th className="number wide">Version</th>
          <th className="number wide">Set</th>
          {onAsk && <ActionsHead />}
        </tr>
      </thead>
      <tbody>
        {secrets.map((secret) => (
          <tr key={secret.id}>
            <td>
              <span className="id mono">
                {secret.name}
                <Copy text={`{{secret:${secret.name}}}`} what="reference" />
              </span>
              {secret.description && <span className="muted small">{secret.description}</span>}
            </td>
            <td>
              <SentTo hosts={secret.hosts} />
            </td>
            <td>
              <UsedBy names={secret.used_by} />
            </td>
            <td className="wide">{secret.agent_id ? <AgentName id={secret.agent_id} /> : "every agent"}</td>
            <td className="number wide">{secret.version}</td>
            <td className="number wide">
              <When at={secret.updated_at} />
            </td>
            {onAsk && (
              <td className="number">
                <span className="row">
                  <button type="button" className="button" onClick={() => onAsk({ what: "edit", of: secret })}>
                    Edit
                  </button>
                  <button type="button" className="button" onClick={() => onAsk({ what: "set", of: secret })}>
                    Replace
                  </button>
                  <Delete secret={secret} />
                </span>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function SentTo({ hosts }: { hosts: readonly string[] }): ReactNode {
  if (hosts.length === 0) return <span className="muted">no host</span>;
  if (hosts.includes("*")) {
    return (
      <span title="Whoever writes agents chooses where it goes: edit it to name its hosts">
        <Status tone="wait">any host</Status>
      </span>
    );
  }
  const more = hosts.length - HOSTS_SHOWN;
  return (
    <div title={hosts.join(", ")}>
      {hosts.slice(0, HOSTS_SHOWN).map((host) => (
        <div key={host} className="mono">
          {host}
        </div>
      ))}
      {more > 0 && <div className="muted small">and {more} more</div>}
    </div>
  );
}

function UsedBy({ names }: { names: readonly string[] }): ReactNode {
  if (names.length === 0) return <span className="muted">nobody</span>;
  return (
    <>
      {names.map((name, index) => (
        <span key={name}>
          {index > 0 && ", "}
          <Link to={`/agents/${name}`}>{name}</Link>
        </span>
      ))}
    </>
  );
}

function Delete({ secret }: { secret: SecretView }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  async function remove(): Promise<void> {
    try {
      await deleteSecret(secret.name);
      tell(`${secret.name} is deleted`);
      await client.invalidateQueries({ queryKey: ["secrets"] });
    } catch (error) {
      fail(error as Error);
    }
  }
  const users = secret.used_by.length > 0 ? ` Used by ${secret.used_by.join(", ")}: their calls fail.` : "";
  return (
    <Confirm
      label="Delete"
      title={`Delete ${secret.name}?`}
      detail={`Calls that need it are not made any more. Its value cannot be had back.${users}`}
      onConfirm={remove}
    />
  );
}
