import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import type { SecretView } from "../api/schema.gen";
import { hasSecret, setSecret } from "../api/secrets";
import { AgentSelect } from "../components/agent-select";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { nameFault, valueFault } from "./secret-rules";

/** Asks for a name and a value; with `secret` for its new value only. */
export function SetSecret({ secret, onClose }: { secret: SecretView | null; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [description, setDescription] = useState(secret?.description ?? "");
  const [agent, setAgent] = useState<string | undefined>(secret?.agent_id ?? undefined);
  const [isBusy, setBusy] = useState(false);
  const [isSent, setSent] = useState(false);
  const [taken, setTaken] = useState<string | null>(null);
  const ids = { name: useId(), value: useId(), description: useId() };
  const isTaken = secret === null && name === taken;
  const faults = {
    name: isTaken ? "there is a secret of this name: replace that one, in the list" : nameFault(name),
    value: valueFault(value),
  };
  async function send(): Promise<void> {
    setSent(true);
    if (faults.name || faults.value) return;
    setBusy(true);
    try {
      if (secret === null && (await hasSecret(name))) {
        setTaken(name);
        setBusy(false);
        return;
      }
      const stored = await setSecret(name, { value, description, agent: agent ?? null });
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
      <div className="field">
        <label htmlFor={ids.description}>What it is for</label>
        <input
          id={ids.description}
          className="input"
          value={description}
          maxLength={500}
          onChange={(event) => setDescription(event.target.value)}
        />
      </div>
      <div className="field">
        <span className="label">Who may use it</span>
        <AgentSelect value={agent} onChange={setAgent} />
      </div>
    </Dialog>
  );
}
