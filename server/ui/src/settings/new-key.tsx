import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Check, TextField } from "../agents/fields";
import { api, body, idempotencyKey } from "../api/client";
import type { IssuedKeyView } from "../api/schema.gen";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { useToasts } from "../components/toasts";
import { type Scope, useCan } from "../shell/me";

/** Complete by its type: a scope that the API adds has to be named here. */
const HINTS: Readonly<Record<Scope, string>> = {
  admin: "everything, keys and workers too",
  "runs:read": "see runs",
  "runs:write": "start and stop runs",
  "stops:write": "stop the whole tenant, freeze side effects",
  "sessions:read": "read conversations",
  "sessions:write": "begin and delete conversations",
  "agents:read": "see agents",
  "agents:write": "define agents",
  "tools:read": "see evolved tools",
  "tools:write": "enable, disable and import evolved tools",
  "memories:read": "search memory",
  "memories:write": "edit and delete memories",
  "schedules:read": "see schedules",
  "schedules:write": "define schedules",
  "webhooks:read": "see webhooks",
  "webhooks:write": "define webhooks",
  "approvals:read": "see what waits for a person",
  "approvals:decide": "approve, deny and answer for people",
  "policies:read": "see what tools may do",
  "policies:write": "change what tools may do",
  "secrets:read": "see the names of secrets, never their values",
  "secrets:write": "store and remove secrets",
  "audit:read": "read who did what",
  "users:read": "see users and their roles",
  "users:write": "invite users and change their roles",
};
const SCOPES = Object.keys(HINTS) as Scope[];
const USUAL: readonly Scope[] = ["runs:read", "runs:write", "sessions:read", "sessions:write", "agents:read"];

/** Asks for a name, scopes and an end; the secret comes back once. */
export function NewKey({
  onIssued,
  onClose,
}: {
  onIssued: (key: IssuedKeyView) => void;
  onClose: () => void;
}): ReactNode {
  const can = useCan();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(() => USUAL.filter(can));
  const [days, setDays] = useState("");
  const unsaved = useUnsaved([name, scopes, days]);
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
      unsaved={unsaved}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextField label="Name" value={name} hint="who will use it" onChange={setName} />
      <fieldset className="stack scopes" aria-label="What it may do">
        <span className="label">What it may do</span>
        {SCOPES.filter((scope) => can(scope)).map((scope) => (
          <Check
            key={scope}
            label={scope}
            hint={HINTS[scope]}
            checked={scopes.includes(scope)}
            onChange={(on) => {
              const others = scopes.filter((each) => each !== scope);
              setScopes(on ? [...others, scope] : others);
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
