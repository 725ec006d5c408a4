import type { SessionView } from "../api/schema.gen";
import { shortId } from "../text/format";

export interface Entry {
  readonly to: string;
  readonly text: string;
  readonly kind: string;
  /** Further words that it is found by: an id, an agent's name. */
  readonly words?: string;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where an id may lead: it does not say what it is the id of. */
export function idEntries(words: string): Entry[] {
  const id = words.trim().toLowerCase();
  if (!ID.test(id)) return [];
  return [
    { to: `/runs/${id}`, text: id, kind: "as a run" },
    { to: `/sessions/${id}`, text: id, kind: "as a session" },
    { to: `/memory/${id}`, text: id, kind: "as a memory" },
    { to: `/agents/${id}`, text: id, kind: "as an agent" },
    { to: `/tools/${id}`, text: id, kind: "as a tool" },
    { to: `/policies/${id}`, text: id, kind: "as a policy" },
    { to: `/schedules/${id}`, text: id, kind: "as a schedule" },
    { to: `/webhooks/${id}`, text: id, kind: "as a webhook" },
  ];
}

/** Entries that hold every word, those that begin with the first one in front. */
export function matching(entries: readonly Entry[], words: string): Entry[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const first = wanted[0];
  const found = entries.filter((entry) => {
    const text = `${entry.text} ${entry.kind} ${entry.words ?? ""}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  if (first === undefined) return found;
  const begins = (entry: Entry) => (entry.text.toLowerCase().startsWith(first) ? 0 : 1);
  return found.sort((one, other) => begins(one) - begins(other));
}

export function sessionEntry(session: Pick<SessionView, "id" | "title">): Entry {
  return {
    to: `/sessions/${session.id}`,
    text: session.title || `session ${shortId(session.id)}`,
    kind: "session",
    words: session.id,
  };
}

/** What is known here first, then what the server found besides; `most` of what is known, so that both are seen. */
export function together(known: readonly Entry[], found: readonly Entry[], most: number): Entry[] {
  const first = found.length === 0 ? known : known.slice(0, most);
  const places = new Set(first.map((entry) => entry.to));
  return [...first, ...found.filter((entry) => !places.has(entry.to))];
}
