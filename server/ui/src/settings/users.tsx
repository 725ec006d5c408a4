import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { invitationsQuery, type Role, type User, usersQuery } from "../api/people";
import { meQuery } from "../api/queries";
import { Confirm, Dialog } from "../components/dialog";
import { Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { OneTimeLink } from "../people/one-time-link";
import { RoleChoice } from "../people/role-choice";
import { fateOf } from "../people/words";
import { useCan } from "../shell/me";

export function Users(): ReactNode {
  const query = useQuery(usersQuery);
  const can = useCan();
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  const invite = can("users:write") && (
    <button type="button" className="button button-primary" onClick={() => setInviting(true)}>
      Invite
    </button>
  );
  return (
    <>
      <Card title="Users" aside={invite}>
        <Loaded query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nobody yet">
                <p>Whoever works here comes with a key so far. Invite people, each with a role of their own.</p>
              </Empty>
            ) : (
              <UserTable users={items} />
            )
          }
        </Loaded>
      </Card>
      <Links />
      {inviting && (
        <Invite
          onClose={() => setInviting(false)}
          onMade={(made) => {
            setInviting(false);
            setLink(made);
          }}
        />
      )}
      {link && <OneTimeLink title="The invitation" lasts="within a week" link={link} onClose={() => setLink(null)} />}
    </>
  );
}

function Invite({ onMade, onClose }: { onMade: (link: string) => void; onClose: () => void }): ReactNode {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const client = useQueryClient();
  const { fail } = useToasts();
  const invite = useMutation({
    mutationFn: () => body(api.POST("/v1/admin/invitations", { body: { email: email.trim(), role } })),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["invitations"] });
      onMade(made.link);
    },
    onError: fail,
  });
  return (
    <Dialog
      title="Invite somebody"
      submit="Make the link"
      busy={invite.isPending || !email.includes("@")}
      onSubmit={() => invite.mutate()}
      onClose={onClose}
    >
      <TextField label="Email" value={email} hint="whom the link is for" onChange={setEmail} />
      <RoleChoice role={role} onChange={setRole} />
    </Dialog>
  );
}

const STATES: Record<User["state"], { readonly tone: "ok" | "quiet"; readonly text: string }> = {
  active: { tone: "ok", text: "active" },
  disabled: { tone: "quiet", text: "kept out" },
  disabled_everywhere: { tone: "quiet", text: "kept out everywhere" },
};

function UserTable({ users }: { users: readonly User[] }): ReactNode {
  const me = useQuery(meQuery).data;
  const can = useCan();
  const [changed, setChanged] = useState<User | null>(null);
  return (
    <>
      <TableBox label="Users">
        <thead>
          <tr>
            <th>Name</th>
            <th>Role</th>
            <th className="wide">State</th>
            <th className="wide">Signs in with</th>
            <th className="number wide">Last seen</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.id}>
              <td className="wrap">
                {user.name}
                {user.id === me?.id && <span className="muted"> (you)</span>}
                <div className="muted small">{user.email}</div>
              </td>
              <td>{user.role}</td>
              <td className="wide">
                <Status tone={STATES[user.state].tone}>{STATES[user.state].text}</Status>
              </td>
              <td className="wide muted">
                {[user.has_password && "password", user.has_oidc && "identity provider"].filter(Boolean).join(", ")}
              </td>
              <td className="number wide">{user.last_seen_at ? <When at={user.last_seen_at} /> : "–"}</td>
              <td className="number">
                {can("users:write") && (
                  <button
                    type="button"
                    className="button"
                    aria-label={`Change ${user.name}`}
                    onClick={() => setChanged(user)}
                  >
                    Change
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableBox>
      {changed && <ChangeUser user={changed} onClose={() => setChanged(null)} />}
    </>
  );
}

function ChangeUser({ user, onClose }: { user: User; onClose: () => void }): ReactNode {
  const [role, setRole] = useState<Role>(user.role);
  const [link, setLink] = useState<string | null>(null);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const path = { params: { path: { user_id: user.id } } };
  const act = useMutation({
    mutationFn: async (what: () => Promise<string | null>) => what(),
    onSuccess: async (said) => {
      await client.invalidateQueries({
        predicate: (each) => ["users", "me", "invitations"].includes(`${each.queryKey[0]}`),
      });
      if (said !== null) {
        tell(said);
        onClose();
      }
    },
    onError: fail,
  });
  const isOut = user.state !== "active";
  if (link)
    return <OneTimeLink title={`A new password for ${user.name}`} lasts="within a day" link={link} onClose={onClose} />;
  return (
    <Dialog
      title={user.name}
      submit="Save the role"
      busy={act.isPending || role === user.role}
      onSubmit={() =>
        act.mutate(async () => {
          await body(api.PATCH("/v1/admin/users/{user_id}", { ...path, body: { role } }));
          return `${user.name} is ${role} now`;
        })
      }
      onClose={onClose}
    >
      <p className="muted">{user.email}</p>
      <RoleChoice role={role} onChange={setRole} />
      <div className="row wrap">
        <button
          type="button"
          className="button"
          disabled={act.isPending}
          onClick={() =>
            act.mutate(async () => {
              const made = await body(api.POST("/v1/admin/users/{user_id}/reset", path));
              setLink(made.link);
              return null;
            })
          }
        >
          Link to a new password
        </button>
        <button
          type="button"
          className="button"
          disabled={act.isPending}
          onClick={() =>
            act.mutate(async () => {
              const { ended } = await body(api.DELETE("/v1/admin/users/{user_id}/logins", path));
              return `${user.name} is signed out: ${ended} ${ended === 1 ? "login" : "logins"}`;
            })
          }
        >
          Sign out
        </button>
        <button
          type="button"
          className="button"
          disabled={act.isPending}
          onClick={() =>
            act.mutate(async () => {
              await body(api.PATCH("/v1/admin/users/{user_id}", { ...path, body: { disabled: !isOut } }));
              return isOut ? `${user.name} may come in again` : `${user.name} is kept out`;
            })
          }
        >
          {isOut ? "Let in again" : "Keep out"}
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={act.isPending}
          onClick={() =>
            act.mutate(async () => {
              await api.DELETE("/v1/admin/users/{user_id}", path);
              return `${user.name} is no member any more`;
            })
          }
        >
          Remove
        </button>
      </div>
    </Dialog>
  );
}

function Links(): ReactNode {
  const { data } = useQuery(invitationsQuery);
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const now = Date.now();
  if (!data || data.items.length === 0) return null;
  async function revoke(id: string): Promise<void> {
    try {
      await body(api.DELETE("/v1/admin/invitations/{invitation_id}", { params: { path: { invitation_id: id } } }));
      tell("the link works no more");
      await client.invalidateQueries({ queryKey: ["invitations"] });
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <Card title="One-time links">
      <TableBox label="One-time links">
        <thead>
          <tr>
            <th>For</th>
            <th>State</th>
            <th className="wide">To</th>
            <th className="wide">Made by</th>
            <th className="number wide">Made</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.items.map((link) => (
            <tr key={link.id}>
              <td className="wrap">{link.email}</td>
              <td>
                <Status tone={fateOf(link, now) === "open" ? "ok" : "quiet"}>{fateOf(link, now)}</Status>
              </td>
              <td className="wide">{link.purpose === "reset" ? "set a new password" : `join as ${link.role}`}</td>
              <td className="wide">{link.made_by}</td>
              <td className="number wide">
                <When at={link.created_at} />
              </td>
              <td className="number">
                {fateOf(link, now) === "open" && can("users:write") && (
                  <Confirm
                    label="Revoke"
                    title={`Revoke the link for ${link.email}?`}
                    detail="Whoever opens it is told to ask for another."
                    onConfirm={() => revoke(link.id)}
                  />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableBox>
    </Card>
  );
}
