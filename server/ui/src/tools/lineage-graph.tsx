import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ToolVersionView, ToolView } from "../api/schema.gen";
import { Graph } from "../graphs/graph";
import { lineageOf } from "./lineage";
import { usesQuery } from "./uses";

/** Where a tool came from and who used it, as a picture: the runs that wrote its versions, the versions, their users. */
export function Lineage({ tool, versions }: { tool: ToolView; versions: readonly ToolVersionView[] }): ReactNode {
  const uses = useQuery(usesQuery(tool.id)).data?.items ?? [];
  const { nodes, edges } = lineageOf(tool, versions, uses);
  return <Graph title="Provenance" nodes={nodes} edges={edges} />;
}
