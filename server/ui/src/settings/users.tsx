import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { type Role, type User, usersQuery } from "../api/people";
import { meQuery } from "../api/queries";
import { Dialog } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { OneTimeLink } from "../people/one-time-link";
import { RoleChoice } from "../people/role-choice";
import { useCan } from "../shell/me";
import { ChangeUser } from "./change-user";
import { OneTimeLinks } from "./one-time-links";

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
      <OneTimeLinks />
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

function Invite({ onMade, onClose }: { onMade: (link: string | null) => void; onClose: () => void }): ReactNode {
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
            <ActionsHead />
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
