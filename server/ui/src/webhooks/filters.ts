/** Families of events with their types, as a webhook may ask for them. */
export const FAMILIES: readonly { readonly name: string; readonly hint: string }[] = [
  { name: "run", hint: "queued, started, waiting, ended" },
  { name: "message", hint: "what was said" },
  { name: "approval", hint: "asked for, decided, expired" },
  { name: "tool", hint: "calls and their results" },
  { name: "budget", hint: "nearly used up" },
  { name: "capability", hint: "tools that agents make" },
  { name: "model", hint: "model calls" },
  { name: "step", hint: "steps of runs" },
  { name: "policy", hint: "what rules said of calls" },
  { name: "plan", hint: "made, followed step by step" },
  { name: "memory", hint: "recalled, written" },
  { name: "session", hint: "begun, forked" },
];

/** Filters as typed: types, families or `*`, one a line. */
export function filtersOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

const FILTER = /^(\*|[a-z]+\.(\*|[a-z_]+))$/;

/** What is wrong with filters; the server knows which types there are. */
export function filterFault(filters: readonly string[]): string | null {
  if (filters.length === 0) return "name at least one event, or * for all";
  const odd = filters.find((filter) => !FILTER.test(filter));
  return odd === undefined ? null : `${odd} is no event: run.succeeded, run.* and * are`;
}

/** What is wrong with an address; whether it is a public one the server finds out. */
export function urlFault(text: string): string | null {
  try {
    const url = new URL(text);
    if (url.protocol !== "https:" && url.protocol !== "http:") return "http or https";
    return url.username || url.password ? "without a name and password" : null;
  } catch {
    return "a whole address, such as https://example.org/hooks";
  }
}
