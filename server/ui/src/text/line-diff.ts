export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

const LARGEST = 2_000;

/** Lines of two texts side by side, by their longest common subsequence; very long texts are shown whole. */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = before.split("\n");
  const fresh = after.split("\n");
  if (old.length > LARGEST || fresh.length > LARGEST) {
    return [...old.map((text) => line("removed", text)), ...fresh.map((text) => line("added", text))];
  }
  const common = lengths(old, fresh);
  const width = fresh.length + 1;
  const at = (row: number, column: number) => common[row * width + column] ?? 0;
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < fresh.length) {
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      lines.push(line("same", old[row] ?? ""));
      row += 1;
      column += 1;
    } else if (column >= fresh.length || (row < old.length && at(row + 1, column) >= at(row, column + 1))) {
      lines.push(line("removed", old[row] ?? ""));
      row += 1;
    } else {
      lines.push(line("added", fresh[column] ?? ""));
      column += 1;
    }
  }
  return lines;
}

function line(kind: DiffLine["kind"], text: string): DiffLine {
  return { kind, text };
}

function lengths(old: readonly string[], fresh: readonly string[]): Uint16Array {
  const width = fresh.length + 1;
  const table = new Uint16Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      const below = (row + 1) * width + column;
      table[row * width + column] =
        old[row] === fresh[column]
          ? (table[below + 1] ?? 0) + 1
          : Math.max(table[below] ?? 0, table[row * width + column + 1] ?? 0);
    }
  }
  return table;
}
