import type { Approval, Decision } from "../api/approvals";
import { clipped } from "../text/format";
import { visible } from "../text/visible";

interface Way {
  readonly text: string;
  readonly key: string | null;
  readonly danger: boolean;
}

/** What a decision is called, and the key that makes it. */
export const WAYS: Readonly<Record<Decision, Way>> = {
  approve: { text: "Approve", key: "a", danger: false },
  deny: { text: "Deny", key: "d", danger: true },
  answer: { text: "Answer", key: null, danger: false },
  happened: { text: "It happened", key: null, danger: false },
  run_again: { text: "Run it again", key: null, danger: false },
  give_up: { text: "Give up the call", key: null, danger: true },
};

const RISKS = ["only reads", "scratch work", "external or durable", "cannot be undone"] as const;

export function riskWords(sideEffect: number): string {
  return RISKS[sideEffect] ?? "not known";
}

/** Reads and scratch work: what may be let through in one go. */
export function isLowRisk(approval: Pick<Approval, "side_effect" | "kind" | "allowed">): boolean {
  return approval.kind === "call" && approval.side_effect <= 1 && approval.allowed.includes("approve");
}

/** A call's arguments in one line, to tell it from others; what can be read there is not all that it says. */
export function argumentLine(approval: Pick<Approval, "arguments">): string {
  return visible(clipped(JSON.stringify(approval.arguments), 160));
}

/** The decision that a key makes, where it is allowed. */
export function decisionOf(key: string, allowed: readonly Decision[]): Decision | null {
  return allowed.find((decision) => WAYS[decision].key === key.toLowerCase()) ?? null;
}

/** What is looked at once this one is decided: the one below it, else the one above. */
export function following(ids: readonly string[], decided: string): string | null {
  const at = ids.indexOf(decided);
  return ids[at + 1] ?? ids[at - 1] ?? null;
}

/** The one after or before the chosen one; the first where none is chosen. */
export function neighbour(ids: readonly string[], chosen: string | null, step: 1 | -1): string | null {
  const at = chosen === null ? -1 : ids.indexOf(chosen);
  if (at === -1) return ids[0] ?? null;
  return ids[Math.max(0, Math.min(ids.length - 1, at + step))] ?? null;
}
