/** Something in a graph that reads from left to right; `layer` is its column. */
export interface Node {
  readonly id: string;
  readonly layer: number;
  readonly text: string;
  readonly kind: string;
  readonly to?: string;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly how: string;
}

export interface Placed extends Node {
  readonly x: number;
  readonly y: number;
}

export const BOX = { width: 168, height: 46, across: 64, down: 14 } as const;

/** Each layer a column, its nodes in the order given, each column in the middle of the tallest. */
export function placeNodes(nodes: readonly Node[]): { nodes: Placed[]; width: number; height: number } {
  const layers = [...new Set(nodes.map((node) => node.layer))].sort((one, other) => one - other);
  const columns = layers.map((layer) => nodes.filter((node) => node.layer === layer));
  const tall = Math.max(0, ...columns.map((column) => heightOf(column.length)));
  const placed = columns.flatMap((column, index) =>
    column.map((node, row) => ({
      ...node,
      x: index * (BOX.width + BOX.across),
      y: (tall - heightOf(column.length)) / 2 + row * (BOX.height + BOX.down),
    })),
  );
  const width = Math.max(0, columns.length * (BOX.width + BOX.across) - BOX.across);
  return { nodes: placed, width, height: tall };
}

function heightOf(rows: number): number {
  return rows === 0 ? 0 : rows * (BOX.height + BOX.down) - BOX.down;
}
