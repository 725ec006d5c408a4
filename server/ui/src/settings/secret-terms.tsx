import type { ReactNode } from "react";
import { TextField } from "../agents/fields";
import type { SecretView } from "../api/schema.gen";
import { AgentSelect } from "../components/agent-select";
import { isAnywhere } from "./secret-rules";

/** Where a secret may be sent, what it is for and who may use it, as they are typed. */
export interface Terms {
  readonly hosts: string;
  readonly description: string;
  readonly agent: string | undefined;
}

export function termsOf(secret: SecretView | null): Terms {
  return {
    hosts: secret?.hosts.join("\n") ?? "",
    description: secret?.description ?? "",
    agent: secret?.agent_id ?? undefined,
  };
}

export function TermsFields({
  terms,
  fault,
  onChange,
}: {
  terms: Terms;
  fault: string | null;
  onChange: (terms: Terms) => void;
}): ReactNode {
  return (
    <>
      <TextField
        label="Where it may be sent"
        rows={2}
        value={terms.hosts}
        fault={fault ?? undefined}
        hint={
          isAnywhere(terms.hosts)
            ? "any host: whoever writes agents chooses where it goes"
            : "hosts, one a line: api.example.org, or name:port; * is any host that an agent’s definition names"
        }
        onChange={(hosts) => onChange({ ...terms, hosts })}
      />
      <TextField
        label="What it is for"
        value={terms.description}
        onChange={(description) => onChange({ ...terms, description })}
      />
      <div className="field">
        <span className="label">Who may use it</span>
        <AgentSelect value={terms.agent} onChange={(agent) => onChange({ ...terms, agent })} />
      </div>
    </>
  );
}
