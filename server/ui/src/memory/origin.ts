import type { Event, MemoryView } from "../api/schema.gen";
import type { Edge, Node } from "../graphs/layers";
import { shortId } from "../text/format";

const MOST = 8; // events beside each other; the rest is listed below the picture

/** Nodes and edges; events that are no longer kept leave the run as the nearest thing. */
export function originOf(
  memory: MemoryView,
  agent: string,
  events: readonly Event[],
): { nodes: Node[]; edges: Edge[] } {
  const told = events.flatMap((event) => {
    const node = nodeOf(event, memory.run_id);
    return node ? [node] : [];
  });
  const nodes: Node[] = [
    { id: "agent", layer: 0, kind: "agent", text: agent, to: `/agents/${memory.agent_id}` },
    {
      id: "session",
      layer: 1,
      kind: "session",
      text: shortId(memory.session_id),
      to: `/sessions/${memory.session_id}`,
    },
    { id: "run", layer: 2, kind: "run", text: shortId(memory.run_id), to: `/runs/${memory.run_id}` },
    ...told.slice(0, MOST),
    { id: "memory", layer: 4, kind: memory.kind, text: memory.title },
  ];
  const edges: Edge[] = [
    { from: "agent", to: "session", how: "speaks in" },
    { from: "session", to: "run", how: "began" },
    ...told.slice(0, MOST).flatMap(({ id }) => [
      { from: "run", to: id, how: "holds" },
      { from: id, to: "memory", how: "told in" },
    ]),
  ];
  if (told.length === 0) edges.push({ from: "run", to: "memory", how: "left" });
  return { nodes, edges };
}

function nodeOf(event: Event, run: string): Node | null {
  const p = event.payload;
  const made = (kind: string, text: string): Node => ({
    id: `event ${event.seq}`,
    layer: 3,
    kind: `${kind}, #${event.seq}`,
    text,
    to: `/runs/${run}?at=${event.seq}`,
  });
  switch (p.type) {
    case "message.created":
      return made("user", p.content);
    case "message.completed":
      return made("answer", p.content);
    case "tool.finished":
      return made(`result of ${p.name}`, p.content);
    case "run.failed":
      return made("failure", p.message);
    default:
      return null;
  }
}
