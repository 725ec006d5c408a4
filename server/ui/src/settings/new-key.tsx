import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Check, TextField } from "../agents/fields";
import { api, body, idempotencyKey } from "../api/client";
import type { IssuedKeyView } from "../api/schema.gen";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import type { Scope } from "../shell/me";

const SCOPES: readonly { readonly name: Scope; readonly hint: string }[] = [
  { name: "admin", hint: "everything, keys and workers too" },
  { name: "runs:read", hint: "see runs" },
  { name: "runs:write", hint: "start and stop runs" },
  { name: "sessions:read", hint: "read conversations" },
  { name: "sessions:write", hint: "begin and delete conversations" },
  { name: "agents:read", hint: "see agents" },
  { name: "agents:write", hint: "define agents" },
  { name: "tools:read", hint: "see evolved tools" },
  { name: "tools:write", hint: "disable evolved tools" },
  { name: "memories:read", hint: "search memory" },
  { name: "memories:write", hint: "delete memories" },
];
const USUAL: readonly Scope[] = ["runs:read", "runs:write", "sessions:read", "sessions:write", "agents:read"];

/** Asks for a name, scopes and an end; the secret comes back once. */
export function NewKey({
  onIssued,
  onClose,
}: {
  onIssued: (key: IssuedKeyView) => void;
  onClose: () => void;
}): ReactNode {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(USUAL);
  const [days, setDays] = useState("");
  const client = useQueryClient();
  const { fail } = useToasts();
  const lasts = Number(days);
  const isDaysOk = days === "" || (Number.isInteger(lasts) && lasts > 0 && lasts <= 3650);
  const create = useMutation({
    mutationFn: () => {
      const expires_at = days === "" ? null : new Date(Date.now() + lasts * 86_400_000).toISOString();
      const given = { name: name.trim(), scopes: [...scopes], expires_at };
      return body(api.POST("/v1/admin/keys", { params: { header: idempotencyKey() }, body: given }));
    },
    onSuccess: (key) => {
      void client.invalidateQueries({ queryKey: ["keys"] });
      onIssued(key);
    },
    onError: fail,
  });
  return (
    <Dialog
      title="New API key"
      submit="Create key"
      busy={create.isPending || name.trim() === "" || scopes.length === 0 || !isDaysOk}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextField label="Name" value={name} hint="who will use it" onChange={setName} />
      <fieldset className="stack scopes" aria-label="What it may do">
        <span className="label">What it may do</span>
        {SCOPES.map((scope) => (
          <Check
            key={scope.name}
            label={scope.name}
            hint={scope.hint}
            checked={scopes.includes(scope.name)}
            onChange={(on) => {
              const others = scopes.filter((each) => each !== scope.name);
              setScopes(on ? [...others, scope.name] : others);
            }}
          />
        ))}
      </fieldset>
      <TextField
        label="Days until it expires"
        value={days}
        hint="empty: it does not expire"
        fault={isDaysOk ? undefined : "a whole number from 1 to 3650"}
        onChange={setDays}
      />
    </Dialog>
  );
}
