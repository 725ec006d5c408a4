import type { Rule, RuleDecisionView } from "../api/schema.gen";

export const EFFECTS: readonly Rule["effect"][] = ["allow", "deny", "approve"];

export const EFFECT_TONES = { allow: "ok", deny: "bad", approve: "wait" } as const;

export const CLASSES: readonly string[] = ["0 reads", "1 scratch", "2 outside", "3 irreversible"];

/** Which classes of side effects a rule is about. */
export function classWords(rule: Pick<Rule, "from_class" | "to_class">): string {
  if (rule.from_class === 0 && rule.to_class === 3) return "any";
  if (rule.from_class === rule.to_class) return CLASSES[rule.from_class] ?? String(rule.from_class);
  return `${rule.from_class} to ${rule.to_class}`;
}

/** Everything that a call has to meet besides its tool and class. */
export function conditionWords(rule: Rule): string[] {
  const words: string[] = [];
  if (rule.arguments) words.push(`arguments ${JSON.stringify(rule.arguments)}`);
  if (typeof rule.untrusted === "boolean") words.push(`has ${rule.untrusted ? "" : "not "}read untrusted text`);
  if (typeof rule.sensitive === "boolean") words.push(`has ${rule.sensitive ? "" : "not "}read sensitive text`);
  return words;
}

/** What a rule's effect means in full. */
export function effectWords(rule: Pick<Rule, "effect" | "persons" | "rate" | "irreversible">): string {
  const rate = rule.rate ? `, ${rule.rate.calls} in ${windowWords(rule.rate.window_s)} per ${rule.rate.per}` : "";
  const easier = rule.irreversible ? ", class 3 too" : "";
  if (rule.effect !== "approve") return `${rule.effect}${rate}${easier}`;
  return `${rule.persons === 2 ? "2 persons approve" : "a person approves"}${rate}${easier}`;
}

export function windowWords(seconds: number): string {
  for (const [size, unit] of [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  }
  return `${seconds} s`;
}

/** Where a decision comes from: a rule of a policy, a default of the server, or the agent's definition. */
export function sourceWords(
  decision: Pick<RuleDecisionView, "policy" | "policy_id" | "policy_version" | "rule">,
): string {
  if (decision.policy_id) return `${decision.rule} of ${decision.policy}, version ${decision.policy_version}`;
  if (decision.policy === "proposed") return `${decision.rule}, as proposed`;
  if (decision.policy === "definition") return `the agent's definition: ${decision.rule}`;
  return `default: ${decision.rule}`;
}
