import type { Invitation } from "../api/people";

/** Whether a link can still be used. */
export function isOpen(link: Invitation, now: number): boolean {
  return link.used_at === null && link.revoked_at === null && Date.parse(link.expires_at) > now;
}

/** What became of a link, in a word. */
export function fateOf(link: Invitation, now: number): "open" | "used" | "revoked" | "expired" {
  if (link.used_at !== null) return "used";
  if (link.revoked_at !== null) return "revoked";
  return isOpen(link, now) ? "open" : "expired";
}

/** A browser's name for itself, in two words. */
export function deviceName(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const known: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  const names = [browser, system].filter((name) => name !== undefined).map((name) => known[name] ?? name);
  return names.length > 0 ? names.join(" on ") : agent.slice(0, 40) || "unknown device";
}
