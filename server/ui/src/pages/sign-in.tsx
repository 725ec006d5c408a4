import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { api, body } from "../api/client";
import { ApiError } from "../api/problem";
import { meQuery } from "../api/queries";
import { Leaf } from "../components/icons";

/** Exchange an API key for a cookie that scripts cannot read; the key itself is kept nowhere. */
export function SignIn(): ReactNode {
  const [key, setKey] = useState("");
  const client = useQueryClient();
  useEffect(() => {
    document.title = "Sign in · Hortus";
  }, []);
  const login = useMutation({
    mutationFn: (secret: string) => body(api.POST("/v1/auth/login", { body: { key: secret } })),
    onSuccess: async (me) => {
      setKey("");
      client.setQueryData(meQuery.queryKey, { ...me, via: "cookie" });
      await client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "me" });
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    login.mutate(key.trim());
  }
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1 className="brand">
          <Leaf />
          Hortus
        </h1>
        <div className="field">
          <label htmlFor="key">API key</label>
          <input
            id="key"
            className="input mono"
            type="password"
            autoComplete="current-password"
            placeholder="hk_…"
            required
            value={key}
            aria-invalid={login.isError}
            aria-describedby="key-hint"
            onChange={(event) => setKey(event.target.value)}
          />
          <span className="hint" id="key-hint">
            The first admin key was printed once, when the server first started. <code>hortus key create</code> makes
            another.
          </span>
          {login.error && (
            <span className="field-error" role="alert">
              {reason(login.error)}
            </span>
          )}
        </div>
        <button
          type="submit"
          className="button button-primary button-big"
          disabled={login.isPending || key.trim() === ""}
        >
          {login.isPending ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

function reason(error: Error): string {
  if (error instanceof ApiError && error.status === 401) return "This key is not valid: wrong, expired or revoked.";
  return error.message;
}
