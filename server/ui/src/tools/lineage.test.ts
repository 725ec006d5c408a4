import { expect, it } from "vitest";
import type { ToolUseView, ToolVersionView, ToolView } from "../api/schema.gen";
import { lineageOf } from "./lineage";

const tool = { id: "t", name: "to_roman" } as ToolView;
const version = (number: number, few: Partial<ToolVersionView>) =>
  ({
    version: number,
    state: "active",
    origin: "agent",
    origin_run_id: null,
    origin_step: null,
    ...few,
  }) as ToolVersionView;
const use = (run_id: string, number: number) => ({ run_id, version: number }) as ToolUseView;

it("leads from the run that wrote a version to the runs that used it", () => {
  const { nodes, edges } = lineageOf(
    tool,
    [version(2, { origin: "import" }), version(1, { origin_run_id: "maker", origin_step: 3 })],
    [use("one", 1), use("one", 1), use("two", 2)],
  );
  expect(nodes.map((node) => [node.layer, node.kind, node.to])).toEqual([
    [0, "origin", undefined],
    [1, "active", "/tools/t?version=2"],
    [0, "written by run, step 3", "/runs/maker"],
    [1, "active", "/tools/t?version=1"],
    [2, "used by run", "/runs/one"],
    [2, "used by run", "/runs/two"],
  ]);
  expect(edges.map(({ from, to, how }) => [from, to, how])).toEqual([
    ["origin import", "version 2", "made"],
    ["wrote maker", "version 1", "wrote in step 3"],
    ["version 1", "used one", "2 calls"],
    ["version 2", "used two", "1 call"],
  ]);
});
