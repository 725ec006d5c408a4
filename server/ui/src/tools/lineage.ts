import type { ToolUseView, ToolVersionView, ToolView } from "../api/schema.gen";
import type { Edge, Node } from "../graphs/layers";
import { plural, shortId } from "../text/format";

const MOST = 8; // runs and versions beside each other

/** The runs that wrote a tool's versions, the versions, and the runs that used them lately. */
export function lineageOf(
  tool: ToolView,
  versions: readonly ToolVersionView[],
  uses: readonly ToolUseView[],
): { nodes: Node[]; edges: Edge[] } {
  const nodes = new Map<string, Node>();
  const edges: Edge[] = [];
  const shown = versions.slice(0, MOST);
  for (const version of shown) {
    const id = `version ${version.version}`;
    const maker = version.origin_run_id;
    const from = maker === null ? `origin ${version.origin}` : `wrote ${maker}`;
    nodes.set(from, originNode(from, version));
    nodes.set(id, {
      id,
      layer: 1,
      kind: version.state,
      text: `${tool.name} ${version.version}`,
      to: `/tools/${tool.id}?version=${version.version}`,
    });
    edges.push({ from, to: id, how: version.origin_step ? `wrote in step ${version.origin_step}` : "made" });
  }
  const runs = [...new Set(uses.map((use) => use.run_id))].slice(0, MOST);
  for (const run of runs) {
    const own = uses.filter((use) => use.run_id === run);
    nodes.set(`used ${run}`, {
      id: `used ${run}`,
      layer: 2,
      kind: "used by run",
      text: shortId(run),
      to: `/runs/${run}`,
    });
    for (const number of new Set(own.map((use) => use.version))) {
      const calls = own.filter((use) => use.version === number).length;
      if (shown.some((version) => version.version === number)) {
        edges.push({ from: `version ${number}`, to: `used ${run}`, how: plural(calls, "call") });
      }
    }
  }
  return { nodes: [...nodes.values()], edges };
}

function originNode(id: string, version: ToolVersionView): Node {
  if (version.origin_run_id === null) {
    return { id, layer: 0, kind: "origin", text: version.origin === "import" ? "a file" : "a run that is gone" };
  }
  const step = version.origin_step ? `, step ${version.origin_step}` : "";
  const to = `/runs/${version.origin_run_id}`;
  return { id, layer: 0, kind: `written by run${step}`, text: shortId(version.origin_run_id), to };
}
