import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { everyAgentQuery } from "../api/queries";
import { useCan } from "../shell/me";
import { shortId } from "../text/format";

/** Only one agent's, or all. */
export function AgentSelect({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (id: string | undefined) => void;
}): ReactNode {
  const can = useCan();
  const agents = useQuery({ ...everyAgentQuery, enabled: can("agents:read") }).data ?? [];
  const isKnown = value === undefined || agents.some((agent) => agent.id === value);
  return (
    <select
      className="input input-auto"
      aria-label="Agent"
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">every agent</option>
      {!isKnown && <option value={value}>{shortId(value)}</option>}
      {agents.map((agent) => (
        <option key={agent.id} value={agent.id}>
          {agent.name}
        </option>
      ))}
    </select>
  );
}
