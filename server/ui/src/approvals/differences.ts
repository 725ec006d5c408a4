import type { Approval } from "../api/approvals";
import { visible } from "../text/visible";

export interface Difference {
  readonly about: string;
  readonly before: string;
  readonly after: string;
}

/** Names under which tools take what is there and what shall be: `old_text` goes with `new_text`. */
const PAIRS: readonly (readonly [string, string])[] = [
  ["old", "new"],
  ["before", "after"],
  ["from", "to"],
  ["search", "replace"],
  ["current", "proposed"],
];

/** What a call says itself that it changes: texts that its arguments give as they are and as they shall be. */
export function changesIn(given: Readonly<Record<string, unknown>>): Difference[] {
  const found: Difference[] = [];
  for (const [name, before] of Object.entries(given)) {
    for (const [old, fresh] of PAIRS) {
      const isOld = name === old || name.startsWith(`${old}_`);
      const after = isOld ? given[fresh + name.slice(old.length)] : undefined;
      if (typeof before === "string" && typeof after === "string") {
        found.push({ about: name.slice(old.length + 1) || "text", before, after });
      }
    }
  }
  return found;
}

/** The newest call of the same tool by the same agent that somebody let through before this one was asked for. */
export function precedentOf(approval: Approval, others: readonly Approval[]): Approval | null {
  const asked = Date.parse(approval.requested_at);
  const same = others.filter(
    (other) =>
      other.id !== approval.id &&
      other.kind === "call" &&
      other.status === "approved" &&
      other.tool === approval.tool &&
      other.agent_id === approval.agent_id &&
      Date.parse(other.requested_at) < asked,
  );
  same.sort((one, other) => Date.parse(other.requested_at) - Date.parse(one.requested_at));
  return same[0] ?? null;
}

/** Arguments as lines, members in one order, so that only what differs stands out. */
export function linesOf(given: Readonly<Record<string, unknown>>): string {
  const sorted = Object.fromEntries(Object.entries(given).sort(([one], [other]) => (one < other ? -1 : 1)));
  return visible(JSON.stringify(sorted, null, 2));
}
