import type { MemoryView } from "../api/schema.gen";

/** A place in the unit square. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

const TERMS = 300;
const ROUNDS = 24; // of the power iteration
const NUDGES = 12;
const ROOM = 0.035; // least distance of two points, as far as there is room
const COMMON = new Set(
  "the and for was with that this from are were has had have not but you its his her they".split(" "),
);

type Vector = Float64Array<ArrayBuffer>;

/**
 * Where memories stand on the map: those that share rare words stand near each other. Weights are tf-idf, and the two
 * directions in which the memories differ most (principal components, by power iteration) are the map's axes. The same
 * memories always give the same map.
 */
export function layOut(memories: readonly Pick<MemoryView, "title" | "content">[]): Place[] {
  const vectors = centred(weights(memories.map(({ title, content }) => wordsOf(`${title} ${title} ${content}`))));
  const first = component(vectors);
  const across = project(vectors, first);
  const second = component(without(vectors, first, across));
  const places = scaled(across).map((x, index) => ({ x, y: 0, index }));
  const down = scaled(project(vectors, second));
  return apart(places.map(({ x, index }) => ({ x, y: down[index] ?? 0.5 })));
}

function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []).filter((word) => !COMMON.has(word));
}

function weights(texts: readonly string[][]): Vector[] {
  const seen = new Map<string, number>();
  for (const words of texts) for (const word of new Set(words)) seen.set(word, (seen.get(word) ?? 0) + 1);
  // A word of one memory alone, or of all of them, brings no two together.
  const telling = [...seen].filter(([, times]) => times > 1 && times < texts.length);
  telling.sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  const columns = new Map(telling.slice(0, TERMS).map(([word], index) => [word, index]));
  return texts.map((words) => {
    const vector = new Float64Array(Math.max(1, columns.size));
    for (const word of words) {
      const column = columns.get(word);
      if (column !== undefined) vector[column] = (vector[column] ?? 0) + Math.log(texts.length / (seen.get(word) ?? 1));
    }
    const length = Math.hypot(...vector) || 1;
    return vector.map((value) => value / length);
  });
}

function centred(vectors: readonly Vector[]): Vector[] {
  const mean = new Float64Array(vectors[0]?.length ?? 1);
  for (const vector of vectors) addTo(mean, vector, 1 / vectors.length);
  return vectors.map((vector) => vector.map((value, column) => value - (mean[column] ?? 0)));
}

/** The direction in which the vectors differ most. */
function component(vectors: readonly Vector[]): Vector {
  let axis: Vector = new Float64Array(vectors[0]?.length ?? 1).map((_, column) => 1 / (column + 1));
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = new Float64Array(axis.length);
    for (const [index, share] of project(vectors, axis).entries()) {
      addTo(next, vectors[index] ?? next, share);
    }
    const length = Math.hypot(...next);
    if (length < 1e-12) return axis;
    axis = next.map((value) => value / length);
  }
  return axis;
}

function project(vectors: readonly Vector[], axis: Vector): number[] {
  return vectors.map((vector) => vector.reduce((sum, value, column) => sum + value * (axis[column] ?? 0), 0));
}

function without(vectors: readonly Vector[], axis: Vector, shares: readonly number[]): Vector[] {
  return vectors.map((vector, index) =>
    vector.map((value, column) => value - (shares[index] ?? 0) * (axis[column] ?? 0)),
  );
}

function scaled(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const span = Math.max(...values) - least;
  return values.map((value) => (span < 1e-9 ? 0.5 : (value - least) / span));
}

/** Points that would hide each other are pushed apart, in a fixed direction where they are equal. */
function apart(places: readonly Place[]): Place[] {
  const room = Math.min(ROOM, 0.6 / Math.sqrt(places.length || 1));
  const moved = places.map(({ x, y }, index) => ({
    x: x + 1e-4 * Math.cos(index * 2.4),
    y: y + 1e-4 * Math.sin(index * 2.4),
  }));
  for (let round = 0; round < NUDGES; round += 1) {
    for (const [index, one] of moved.entries()) {
      for (const other of moved.slice(index + 1)) {
        const [dx, dy] = [other.x - one.x, other.y - one.y];
        const distance = Math.hypot(dx, dy);
        if (distance >= room || distance === 0) continue;
        const push = (room - distance) / 2 / distance;
        one.x -= dx * push;
        one.y -= dy * push;
        other.x += dx * push;
        other.y += dy * push;
      }
    }
  }
  return moved.map(({ x, y }) => ({ x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) }));
}

/** `target` plus `share` times `vector`, in place. */
function addTo(target: Vector, vector: Vector, share: number): void {
  for (const [column, value] of vector.entries()) target[column] = (target[column] ?? 0) + share * value;
}
