/** The rows of a long list that are worth rendering. */
export interface Window {
  readonly first: number;
  readonly last: number;
}

const WHOLE = 60; // rows that are always rendered
const AHEAD = 12; // rows on both sides of what can be seen, so that the keyboard and fast scrolling find some

/** Rows `first` up to but without `last` of `count`, where the list begins `above` pixels over the view's top. */
export function windowOf(count: number, rowHeight: number, above: number, viewHeight: number): Window {
  if (count <= WHOLE) return { first: 0, last: count };
  const first = Math.max(0, Math.min(count, Math.floor(above / rowHeight)) - AHEAD);
  const last = Math.min(count, Math.ceil((above + viewHeight) / rowHeight) + AHEAD);
  return { first, last: Math.max(first, last) };
}

/** The newest page as it is now, above what was read before; what both have is taken from the newest page. */
export function withHead<T extends { readonly id: string }>(head: readonly T[], rest: readonly T[]): readonly T[] {
  if (head.length === 0) return rest;
  const fresh = new Map(head.map((item) => [item.id, item]));
  const known = new Set(rest.map((item) => item.id));
  const above = head.filter((item) => !known.has(item.id));
  // More is new than one page holds: what lies between is not known, so it must be read anew.
  if (above.length === head.length && rest.length > 0) return rest;
  return [...above, ...rest.map((item) => fresh.get(item.id) ?? item)];
}

/**
 * Whether the end of a list is in view. A busy page gets several looks at once, oldest first: only the last one counts,
 * and no other comes until that changes.
 */
export function isInView(looks: readonly Pick<IntersectionObserverEntry, "isIntersecting">[]): boolean {
  return looks.at(-1)?.isIntersecting ?? false;
}
