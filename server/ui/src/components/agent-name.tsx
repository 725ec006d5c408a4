import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { agentQuery } from "../api/queries";
import { useCan } from "../shell/me";
import { shortId } from "../text/format";

/** An agent's name, as far as the key may read it; else the end of its id. */
export function AgentName({ id }: { id: string }): ReactNode {
  const can = useCan();
  const { data } = useQuery({ ...agentQuery(id), enabled: can("agents:read"), staleTime: 60_000 });
  return (
    <Link className="clip clip-name" to={`/agents/${id}`}>
      {data?.name ?? shortId(id)}
    </Link>
  );
}
