import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { api, body } from "../api/client";
import { type Me, optionsQuery } from "../api/people";
import { ApiError } from "../api/problem";
import { meQuery } from "../api/queries";
import { Leaf } from "../components/icons";
import { Loading } from "../components/states";
import { SecretField } from "../people/secret-field";

type Way = "password" | "key";

const CAME_BACK: Readonly<Record<string, string>> = {
  refused: "The identity provider signed nobody in whom this server lets in. Ask an owner for an invitation.",
  unavailable: "The identity provider does not answer. Try again, or sign in another way.",
};

/** A password, the identity provider, or a key: each becomes a cookie that scripts cannot read. */
export function SignIn(): ReactNode {
  const asked = useQuery(optionsQuery);
  const options = asked.data;
  const [chosen, setChosen] = useState<Way | null>(null);
  const way = chosen ?? (options?.users === false ? "key" : "password");
  const outcome = new URLSearchParams(window.location.search).get("sign_in") ?? "";
  useEffect(() => {
    document.title = "Sign in · Hortus";
  }, []);
  // Which form comes first depends on the answer: a form that changes under one's hands is worse than a moment.
  if (asked.isPending) return <Loading what="Loading Hortus" />;
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <h1 className="brand">
          <Leaf />
          Hortus
        </h1>
        {CAME_BACK[outcome] && (
          <p className="field-error" role="alert">
            {CAME_BACK[outcome]}
          </p>
        )}
        {options?.login === false && (
          <p className="field-error" role="alert">
            This server has no login (HORTUS_API_COOKIE_SECRET is not set).
          </p>
        )}
        {options?.oidc && (
          <>
            <a className="button button-big" href={`/v1/auth/oidc/start?return_to=${encodeURIComponent(here())}`}>
              Sign in with {options.oidc}
            </a>
            <span className="hint centred">or</span>
          </>
        )}
        {way === "password" ? <WithPassword /> : <WithKey isFirst={options?.users === false} />}
        <button
          type="button"
          className="button button-plain"
          onClick={() => setChosen(way === "password" ? "key" : "password")}
        >
          {way === "password" ? "Use an API key instead" : "Use a password instead"}
        </button>
      </div>
    </main>
  );
}

/** Where to come back to, without what a failed attempt left in the address. */
function here(): string {
  const query = new URLSearchParams(window.location.search);
  query.delete("sign_in");
  const rest = query.toString();
  return window.location.pathname + (rest === "" ? "" : `?${rest}`);
}

/** Shows who signed in, everywhere at once, and nothing that somebody else had read here before. */
export function useSignedIn(): (me: Me) => Promise<void> {
  const client = useQueryClient();
  return async (me) => {
    client.setQueryData(meQuery.queryKey, { ...me, via: "cookie" });
    await client.resetQueries({ predicate: (query) => query.queryKey[0] !== "me" });
  };
}

function WithPassword(): ReactNode {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signedIn = useSignedIn();
  const signIn = useMutation({
    mutationFn: () => body(api.POST("/v1/auth/sign-in", { body: { email: email.trim(), password } })),
    onSuccess: (me) => {
      setPassword("");
      return signedIn(me);
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    signIn.mutate();
  }
  return (
    <form onSubmit={submit}>
      <EmailField value={email} onChange={setEmail} />
      <SecretField
        label="Password"
        kind="current-password"
        value={password}
        hint="Forgotten? An owner of your tenant makes a link to a new one."
        fault={signIn.error ? reason(signIn.error) : undefined}
        onChange={setPassword}
      />
      <Submit busy={signIn.isPending} ready={email.trim() !== "" && password !== ""} />
    </form>
  );
}

export function EmailField({ value, onChange }: { value: string; onChange: (value: string) => void }): ReactNode {
  return (
    <div className="field">
      <label htmlFor="email">Email</label>
      <input
        id="email"
        className="input"
        type="email"
        autoComplete="username"
        required
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

function WithKey({ isFirst }: { isFirst: boolean }): ReactNode {
  const [key, setKey] = useState("");
  const signedIn = useSignedIn();
  const login = useMutation({
    mutationFn: (secret: string) => body(api.POST("/v1/auth/login", { body: { key: secret } })),
    onSuccess: (me) => {
      setKey("");
      return signedIn(me);
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    login.mutate(key.trim());
  }
  return (
    <form onSubmit={submit}>
      <SecretField
        label="API key"
        kind="current-password"
        value={key}
        hint={
          <>
            {isFirst ? "Sign in with the first admin key, then make yourself a user. It" : "The first admin key"} was
            printed once, when the server first started. <code>hortus key create</code> makes another.
          </>
        }
        fault={login.error ? reason(login.error) : undefined}
        onChange={setKey}
      />
      <Submit busy={login.isPending} ready={key.trim() !== ""} />
    </form>
  );
}

function Submit({ busy, ready }: { busy: boolean; ready: boolean }): ReactNode {
  return (
    <button type="submit" className="button button-primary button-big" disabled={busy || !ready}>
      {busy ? "Signing in…" : "Sign in"}
    </button>
  );
}

function reason(error: Error): string {
  if (error instanceof ApiError && error.status === 401) {
    return error.message.includes("password")
      ? "The address or the password is wrong."
      : error.message.includes("key")
        ? "This key is not valid: wrong, expired or revoked."
        : error.message;
  }
  return error.message;
}
