import type { Event, Label, RecalledItem } from "../api/schema.gen";
import { markWords } from "../labels/marks";
import { clipped } from "../text/format";
import { type Draft, draftOf } from "./span";

const LONG = 60; // characters of a text in a row

const DECIDED = { allow: "allowed", deny: "denied", approve: "needs approval" } as const;

/** What a single event looks like that neither opens nor closes a bar; null for those that do, and unknown ones. */
export function markOf(event: Event, claimedAt: number | null): Draft | null {
  const p = event.payload;
  switch (p.type) {
    case "model.failed":
      return draftOf(event, "model", `model call failed: ${p.code}`, {
        depth: 1,
        state: "failed",
        detail: `${p.message}${p.will_retry ? " (tried again)" : ""}`,
      });
    case "plan.made":
      return draftOf(event, "step", p.problem ? "a plan that is not usable" : `plan of ${steps(p.plan)}`, {
        depth: 1,
        state: p.problem ? "failed" : "note",
        detail: p.problem ?? "",
      });
    case "policy.decided":
      return draftOf(event, "run", `${DECIDED[p.effect]}: ${p.name}`, {
        depth: 1,
        state: p.effect === "deny" ? "failed" : "note",
        detail: p.reason ? `${p.policy}, rule ${p.rule}: ${p.reason}` : `${p.policy}, rule ${p.rule}`,
        version: `policy version ${p.policy_version}`,
      });
    case "tool.in_doubt":
      return draftOf(event, "tool", `${p.name} in doubt`, {
        depth: 1,
        state: "failed",
        detail: `policy: ${p.policy}`,
      });
    case "memory.recalled":
      return draftOf(event, "memory", `recalled ${p.items.length} for “${clipped(p.query, LONG)}”`, {
        ...(event.step === 0 && claimedAt !== null ? { start: claimedAt } : {}),
        depth: event.step > 0 ? 1 : 0,
        state: p.unavailable ? "failed" : "note",
        detail: p.unavailable
          ? "memory was not available"
          : p.low_confidence
            ? "low confidence"
            : markWords(worst(p.items)),
      });
    case "memory.written":
      return draftOf(event, "memory", `remembered “${clipped(p.title, LONG)}”`, {
        detail: `${p.kind}, from events ${p.source_first_seq}–${p.source_last_seq}`,
      });
    case "budget.warned":
      return draftOf(event, "run", `${p.limit.replaceAll("_", " ")} nearly used up`, {
        depth: 1,
        detail: `${p.used} of ${p.bound}`,
      });
    case "message.restarted":
      return draftOf(event, "run", "answer begins again", { depth: 1, detail: p.reason });
    default:
      return capabilityMark(event);
  }
}

function capabilityMark(event: Event): Draft | null {
  const p = event.payload;
  const depth = event.step > 0 ? 2 : 0;
  switch (p.type) {
    case "capability.requested":
      return draftOf(event, "capability", `asks for ${p.name}`, { depth, detail: p.purpose });
    case "capability.proposed":
      return draftOf(event, "capability", `proposes ${p.name}`, { depth, detail: `attempt ${p.attempt}` });
    case "capability.tested":
      return draftOf(event, "capability", p.passed ? "passes its tests" : "fails its tests", {
        depth,
        state: p.passed ? "ok" : "failed",
        detail: `${p.cases} cases in ${p.tier}: ${p.detail}`,
      });
    case "capability.activated":
      return draftOf(event, "capability", `${p.name} is active`, {
        depth,
        state: "ok",
        version: `version ${p.version}`,
      });
    case "capability.reused":
      return draftOf(event, "capability", `reuses ${p.name}`, {
        depth,
        state: "ok",
        detail: `score ${p.score.toFixed(2)}`,
        version: `version ${p.version}`,
      });
    case "capability.disabled":
      return draftOf(event, "capability", `${p.name} was disabled`, { depth, detail: p.reason });
    default:
      return null;
  }
}

function steps(plan: Record<string, unknown>): string {
  const count = Array.isArray(plan["steps"]) ? plan["steps"].length : 0;
  return `${count} step${count === 1 ? "" : "s"}`;
}

function worst(items: readonly RecalledItem[]): Label | null {
  return items.map((item) => item.label ?? null).find((label) => label?.trust === 0) ?? null;
}
