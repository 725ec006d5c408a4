import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import type { Role, User } from "../api/people";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { OneTimeLink } from "../people/one-time-link";
import { RoleChoice } from "../people/role-choice";

/** A member's role, password, logins and place among the members. */
export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }): ReactNode {
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
