import { type ReactNode, useId } from "react";
import { ROLES, type Role } from "../api/people";

/** One of the roles, with what it means. */
export function RoleChoice({ role, onChange }: { role: Role; onChange: (role: Role) => void }): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Role</label>
      <select
        id={id}
        className="input"
        value={role}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.value as Role)}
      >
        {ROLES.map((each) => (
          <option key={each.role} value={each.role}>
            {each.role}
          </option>
        ))}
      </select>
      <span id={`${id}-note`} className="hint">
        {ROLES.find((each) => each.role === role)?.may}
      </span>
    </div>
  );
}
