import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import type { Role, User } from "../api/people";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { OneTimeLink } from "../people/one-time-link";
import { RoleChoice } from "../people/role-choice";

/** Does something and says what has become of it; null where that is shown instead. */
type Act = () => Promise<string | null>;

interface Choice {
  readonly text: string;
  /** What it means: asked about before it is done. */
  readonly detail?: string;
  readonly act: Act;
}

/** A member's role, password, logins and place among the members. */
export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }): ReactNode {
  const [role, setRole] = useState<Role>(user.role);
  const [link, setLink] = useState<string | null>(null);
  const [asked, setAsked] = useState<Choice | null>(null);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const act = useMutation({
    mutationFn: (what: Act) => what(),
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
  if (link)
    return <OneTimeLink title={`A new password for ${user.name}`} lasts="within a day" link={link} onClose={onClose} />;
  if (asked) {
    return (
      <Dialog
        title={`${asked.text}: ${user.name}?`}
        submit={asked.text}
        danger
        busy={act.isPending}
        onSubmit={() => act.mutate(asked.act)}
        onClose={() => setAsked(null)}
      >
        <p className="muted">{asked.detail}</p>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={user.name}
      submit="Save the role"
      busy={act.isPending || role === user.role}
      onSubmit={() => act.mutate(() => giveRole(user, role))}
      onClose={onClose}
    >
      <p className="muted">{user.email}</p>
      <RoleChoice role={role} onChange={setRole} />
      <div className="row wrap">
        {choicesFor(user, setLink).map((choice) => (
          <button
            key={choice.text}
            type="button"
            className={choice.detail ? "button button-danger" : "button"}
            disabled={act.isPending}
            onClick={() => (choice.detail ? setAsked(choice) : act.mutate(choice.act))}
          >
            {choice.text}
          </button>
        ))}
      </div>
    </Dialog>
  );
}

function pathOf(user: User) {
  return { params: { path: { user_id: user.id } } };
}

async function giveRole(user: User, role: Role): Promise<string> {
  await body(api.PATCH("/v1/admin/users/{user_id}", { ...pathOf(user), body: { role } }));
  return `${user.name} is ${role} now`;
}

async function keepOut(user: User, disabled: boolean): Promise<string> {
  await body(api.PATCH("/v1/admin/users/{user_id}", { ...pathOf(user), body: { disabled } }));
  return disabled ? `${user.name} is kept out` : `${user.name} may come in again`;
}

function choicesFor(user: User, onLink: (link: string | null) => void): Choice[] {
  const path = pathOf(user);
  const reset: Choice = {
    text: "Link to a new password",
    act: async () => {
      onLink((await body(api.POST("/v1/admin/users/{user_id}/reset", path))).link);
      return null;
    },
  };
  const signOut: Choice = {
    text: "Sign out",
    act: async () => {
      const { ended } = await body(api.DELETE("/v1/admin/users/{user_id}/logins", path));
      return `${user.name} is signed out: ${ended} ${ended === 1 ? "login" : "logins"}`;
    },
  };
  const letIn: Choice = { text: "Let in again", act: () => keepOut(user, false) };
  const out: Choice = {
    text: "Keep out",
    detail:
      "All logins, and the keys and open links that they made here, end at once; nobody comes in under this name until let in again.",
    act: () => keepOut(user, true),
  };
  const remove: Choice = {
    text: "Remove",
    detail:
      "Out of this tenant for good: logins, keys and open links that they made here end, and only another invitation brings them back.",
    act: async () => {
      await api.DELETE("/v1/admin/users/{user_id}", path);
      return `${user.name} is no member any more`;
    },
  };
  return [reset, signOut, user.state === "active" ? out : letIn, remove];
}
