/** The members that are no longer what they were: a change of the others, made meanwhile elsewhere, stays. */
export function changesOf<T extends object>(before: { readonly [K in keyof T]: unknown }, now: T): Partial<T> {
  const names = Object.keys(now) as (keyof T)[];
  const changed = names.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]));
  return Object.fromEntries(changed.map((name) => [name, now[name]])) as Partial<T>;
}
