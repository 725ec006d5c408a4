import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import { type Login, loginsQuery, type Me } from "../api/people";
import { meQuery } from "../api/queries";
import { Confirm, Dialog } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { useSignedIn } from "../pages/sign-in";
import { SecretField } from "../people/secret-field";
import { deviceName } from "../people/words";

export function WhoAmI(): ReactNode {
  const query = useQuery(meQuery);
  const [changing, setChanging] = useState(false);
  const change = query.data?.has_password && (
    <button type="button" className="button" onClick={() => setChanging(true)}>
      Change password
    </button>
  );
  return (
    <>
      <Card title="Signed in" aside={change}>
        <Loaded query={query}>{(me) => <Facts me={me} />}</Loaded>
      </Card>
      {query.data?.kind === "user" && <Logins />}
      {changing && <ChangePassword onClose={() => setChanging(false)} />}
    </>
  );
}

function Facts({ me }: { me: Me }): ReactNode {
  return (
    <dl className="facts card-body">
      <Fact name={me.kind === "user" ? "As" : "With the key"}>
        {me.name}
        {me.email && <span className="muted"> {me.email}</span>}
      </Fact>
      <Fact name={me.kind === "user" ? "User id" : "Key id"}>
        <Id id={me.id} what={`${me.kind} id`} />
      </Fact>
      <Fact name="Tenant">
        {me.tenant_name} <Id id={me.tenant_id} what="tenant id" />
      </Fact>
      {me.role && <Fact name="Role">{me.role}</Fact>}
      <Fact name="May">{me.scopes.join(", ")}</Fact>
      {me.kind === "key" && <Fact name="Login">{me.via === "cookie" ? "twelve hours from signing in" : "by key"}</Fact>}
    </dl>
  );
}

function Logins(): ReactNode {
  const query = useQuery(loginsQuery);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const end = useMutation({
    mutationFn: async (login: Login | null) => {
      if (login === null) return (await body(api.DELETE("/v1/me/logins"))).ended;
      await api.DELETE("/v1/me/logins/{login_id}", { params: { path: { login_id: login.id } } });
      return 1;
    },
    onSuccess: async (count) => {
      tell(`${count} ${count === 1 ? "login" : "logins"} ended`);
      await client.invalidateQueries({ queryKey: ["logins"] });
    },
    onError: fail,
  });
  const others = query.data?.items.filter((login) => !login.is_this) ?? [];
  const everywhere = others.length > 0 && (
    <Confirm
      label="Sign out everywhere else"
      className="button"
      title="Sign out everywhere else?"
      detail="Only this browser stays signed in."
      onConfirm={() => end.mutateAsync(null).catch(() => false)}
    />
  );
  return (
    <Card title="Where you are signed in" aside={everywhere}>
      <Loaded query={query}>
        {({ items }) => (
          <TableBox label="Logins">
            <thead>
              <tr>
                <th>Device</th>
                <th className="wide">Address</th>
                <th className="wide">With</th>
                <th className="number wide">Since</th>
                <th className="number">Last seen</th>
                <ActionsHead />
              </tr>
            </thead>
            <tbody>
              {items.map((login) => (
                <tr key={login.id}>
                  <td title={login.device}>
                    {deviceName(login.device)}
                    {login.is_this && <span className="muted"> (this one)</span>}
                  </td>
                  <td className="wide mono">{login.address}</td>
                  <td className="wide">{METHODS[login.method]}</td>
                  <td className="number wide">
                    <When at={login.created_at} />
                  </td>
                  <td className="number">
                    <When at={login.last_seen_at} />
                  </td>
                  <td className="number">
                    {!login.is_this && (
                      <button
                        type="button"
                        className="button"
                        disabled={end.isPending}
                        onClick={() => end.mutate(login)}
                      >
                        Sign out
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </TableBox>
        )}
      </Loaded>
    </Card>
  );
}

const METHODS: Record<Login["method"], string> = {
  password: "password",
  oidc: "identity provider",
  link: "one-time link",
};

function ChangePassword({ onClose }: { onClose: () => void }): ReactNode {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const signedIn = useSignedIn();
  const { tell } = useToasts();
  const change = useMutation({
    mutationFn: () => body(api.POST("/v1/me/password", { body: { old, new: fresh } })),
    onSuccess: async (me) => {
      tell("the password is changed; other logins have ended");
      onClose();
      await signedIn(me);
    },
  });
  return (
    <Dialog
      title="Change password"
      submit="Change"
      busy={change.isPending || old === "" || fresh === ""}
      onSubmit={() => change.mutate()}
      onClose={onClose}
    >
      <SecretField label="Present password" kind="current-password" value={old} onChange={setOld} />
      <SecretField
        label="New password"
        kind="new-password"
        value={fresh}
        hint="12 characters or more; a few words are fine"
        fault={change.error?.message}
        onChange={setFresh}
      />
    </Dialog>
  );
}
