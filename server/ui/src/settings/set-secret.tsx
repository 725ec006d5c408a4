import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { hostsOf } from "../agents/spec-form";
import type { SecretView } from "../api/schema.gen";
import { hasSecret, setSecret } from "../api/secrets";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { useToasts } from "../components/toasts";
import { hostsFault, nameFault, valueFault } from "./secret-rules";
import { TermsFields, termsOf } from "./secret-terms";

/** Asks for a new secret; with `secret` for its new value only, and all else stays. */
export function SetSecret({ secret, onClose }: { secret: SecretView | null; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [terms, setTerms] = useState(() => termsOf(null));
  const unsaved = useUnsaved([name, value, terms]);
  const [isBusy, setBusy] = useState(false);
  const [isSent, setSent] = useState(false);
  const [taken, setTaken] = useState<string | null>(null);
  const ids = { name: useId(), value: useId() };
  const isTaken = secret === null && name === taken;
  const faults = {
    name: isTaken ? "there is a secret of this name: replace that one, in the list" : nameFault(name),
    value: valueFault(value),
    hosts: secret === null ? newHostsFault(terms.hosts) : null,
  };
  async function send(): Promise<void> {
    setSent(true);
    if (faults.name || faults.value || faults.hosts) return;
    setBusy(true);
    try {
      if (secret === null && (await hasSecret(name))) {
        setTaken(name);
        setBusy(false);
        return;
      }
      const { hosts, description, agent } = terms;
      const first = { hosts: hostsOf(hosts), description, agent: agent ?? null };
      const stored = await setSecret(name, secret === null ? { value, ...first } : { value });
      tell(secret ? `${name} has a new value` : `${name} is stored, version ${stored.version}`);
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    } catch (error) {
      fail(error as Error);
      setBusy(false);
    }
  }
  return (
    <Dialog
      title={secret ? `A new value for ${secret.name}` : "New secret"}
      submit={secret ? "Replace" : "Store"}
      busy={isBusy}
      unsaved={unsaved}
      onSubmit={() => void send()}
      onClose={onClose}
    >
      {secret === null && (
        <div className="field">
          <label htmlFor={ids.name}>Name</label>
          <input
            id={ids.name}
            className="input mono"
            value={name}
            maxLength={64}
            autoComplete="off"
            aria-invalid={isSent && faults.name !== null}
            aria-describedby={`${ids.name}-fault`}
            onChange={(event) => setName(event.target.value)}
          />
          <p id={`${ids.name}-fault`} className={isSent && faults.name ? "field-error" : "hint"}>
            {(isSent && faults.name) || "letters, digits and _; agents’ definitions name it"}
          </p>
        </div>
      )}
      <div className="field">
        <label htmlFor={ids.value}>Value</label>
        <input
          id={ids.value}
          className="input mono"
          type="password"
          value={value}
          maxLength={8_192}
          autoComplete="new-password"
          aria-invalid={isSent && faults.value !== null}
          aria-describedby={`${ids.value}-fault`}
          onChange={(event) => setValue(event.target.value)}
        />
        <p id={`${ids.value}-fault`} className={isSent && faults.value ? "field-error" : "hint"}>
          {(isSent && faults.value) || "sealed as it arrives; nobody can read it back, here or anywhere"}
        </p>
      </div>
      {secret === null && <TermsFields terms={terms} fault={isSent ? faults.hosts : null} onChange={setTerms} />}
    </Dialog>
  );
}

function newHostsFault(text: string): string | null {
  return text.trim() === "" ? "name its hosts; * is any" : hostsFault(text);
}
