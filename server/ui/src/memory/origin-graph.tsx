import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { agentQuery, sourceEventsQuery } from "../api/queries";
import type { MemoryView } from "../api/schema.gen";
import { Graph } from "../graphs/graph";
import { useCan } from "../shell/me";
import { shortId } from "../text/format";
import { originOf } from "./origin";

/** Where a memory comes from, as a picture: agent, session, run, what was said and done in it, the memory. */
export function Origin({ memory }: { memory: MemoryView }): ReactNode {
  const can = useCan();
  const agent = useQuery({ ...agentQuery(memory.agent_id), enabled: can("agents:read") }).data?.name;
  const events = useQuery({
    ...sourceEventsQuery(memory.session_id, memory.source_first_seq, memory.source_last_seq),
    enabled: can("sessions:read") && memory.source_kept,
  }).data;
  const { nodes, edges } = originOf(memory, agent ?? shortId(memory.agent_id), events ?? []);
  return <Graph title="Provenance" nodes={nodes} edges={edges} />;
}
