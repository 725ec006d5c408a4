import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { ApiError } from "../api/problem";
import { Leaf } from "../components/icons";
import { Loading } from "../components/states";
import { SecretField } from "../people/secret-field";

/** A one-time link was opened; its secret stands behind the `#` and is sent to no log. */
export default function Join(): ReactNode {
  const [secret] = useState(() => window.location.hash.slice(1));
  const link = useQuery({
    queryKey: ["link"],
    queryFn: () => body(api.POST("/v1/auth/link", { body: { secret } })),
    enabled: secret !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => {
    document.title = "Welcome · Hortus";
  }, []);
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <h1 className="brand">
          <Leaf />
          Hortus
        </h1>
        {secret === "" || link.error ? (
          <>
            <p className="field-error" role="alert">
              {link.error instanceof ApiError && link.error.status !== 401
                ? link.error.message
                : "This link does not work: it was used, has ended or was revoked. Ask for another one."}
            </p>
            <a className="button" href="/">
              Sign in
            </a>
          </>
        ) : link.data ? (
          <Accept secret={secret} {...link.data} />
        ) : (
          <Loading what="Reading the link" />
        )}
      </div>
    </main>
  );
}

function Accept({
  secret,
  purpose,
  email,
  role,
  tenant_name,
  is_known,
}: {
  secret: string;
  purpose: "join" | "reset";
  email: string;
  role: string;
  tenant_name: string;
  is_known: boolean;
}): ReactNode {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const isNew = purpose === "join" && !is_known;
  const asks = isNew || purpose === "reset";
  const accept = useMutation({
    mutationFn: () => {
      const person = { secret, name: isNew ? name.trim() : email, password };
      return body(api.POST("/v1/auth/accept", { body: person }));
    },
    // A full load: nothing of the link stays in the page or in its address.
    onSuccess: () => window.location.replace("/"),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    accept.mutate();
  }
  return (
    <form onSubmit={submit}>
      <p>
        {purpose === "reset" ? (
          <>
            A new password for <b>{email}</b>. Every login of yours ends.
          </>
        ) : (
          <>
            <b>{email}</b> is invited to <b>{tenant_name}</b> as {role}.
          </>
        )}
      </p>
      {isNew && <TextField label="Your name" value={name} onChange={setName} />}
      <SecretField
        label={asks ? "New password" : "Your password"}
        kind={asks ? "new-password" : "current-password"}
        value={password}
        hint={asks ? "12 characters or more; a few words are fine" : "the one that you have here already"}
        fault={accept.error?.message}
        onChange={setPassword}
      />
      <button
        type="submit"
        className="button button-primary button-big"
        disabled={accept.isPending || password === "" || (isNew && name.trim() === "")}
      >
        {purpose === "reset" ? "Set the password" : "Join"}
      </button>
    </form>
  );
}
