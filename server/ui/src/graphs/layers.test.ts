import { expect, it } from "vitest";
import { BOX, placeNodes } from "./layers";

const node = (id: string, layer: number) => ({ id, layer, text: id, kind: "run" });

it("puts each layer into a column, in the middle of the tallest", () => {
  const { nodes, width, height } = placeNodes([node("run", 0), node("a", 2), node("b", 2), node("c", 2)]);
  const [run, a, , c] = nodes;
  expect([run?.x, a?.x, c?.x]).toEqual([0, BOX.width + BOX.across, BOX.width + BOX.across]);
  expect((a?.y ?? 0) + (c?.y ?? 0)).toBe(2 * (run?.y ?? 0));
  expect(width).toBe(2 * BOX.width + BOX.across);
  expect(height).toBe(3 * BOX.height + 2 * BOX.down);
});

it("an empty graph has no size", () => {
  expect(placeNodes([])).toEqual({ nodes: [], width: 0, height: 0 });
});
