import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { meQuery } from "../api/queries";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { useToasts } from "../components/toasts";
import { EmailField, useSignedIn } from "../pages/sign-in";
import { SecretField } from "./secret-field";

/** Set-up: whoever came with the printed key is asked to become a person. */
export function FirstOwner(): ReactNode {
  const me = useQuery(meQuery).data;
  const [open, setOpen] = useState(false);
  if (!me?.setup) return null;
  return (
    <div className="banner" role="status">
      <span className="grow">
        You are signed in with a key. Make yourself a user, then invite others: each with a password and a role of their
        own.
      </span>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Create the first owner
      </button>
      {open && <Form onClose={() => setOpen(false)} />}
    </div>
  );
}

function Form({ onClose }: { onClose: () => void }): ReactNode {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const unsaved = useUnsaved([email, name, password]);
  const signedIn = useSignedIn();
  const { tell } = useToasts();
  const create = useMutation({
    mutationFn: () =>
      body(api.POST("/v1/auth/first-owner", { body: { email: email.trim(), name: name.trim(), password } })),
    onSuccess: async (me) => {
      tell(`${me.name} owns ${me.tenant_name}`);
      onClose();
      await signedIn(me);
    },
  });
  return (
    <Dialog
      title="The first owner"
      submit="Create and sign in"
      busy={create.isPending || email.trim() === "" || name.trim() === "" || password === ""}
      unsaved={unsaved}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <p className="muted">An owner may do everything here. The key that you came with goes on working.</p>
      <EmailField value={email} onChange={setEmail} />
      <TextField label="Your name" value={name} onChange={setName} />
      <SecretField
        label="New password"
        kind="new-password"
        value={password}
        hint="12 characters or more; a few words are fine"
        fault={create.error?.message}
        onChange={setPassword}
      />
    </Dialog>
  );
}
