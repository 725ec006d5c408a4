import type { Rule } from "../api/schema.gen";

/** A rule as it is typed; texts stay as typed, even while they mean nothing yet. */
export interface RuleForm {
  readonly key: string;
  readonly name: string;
  readonly effect: Rule["effect"];
  readonly tools: string;
  readonly from: number;
  readonly to: number;
  readonly conditions: string;
  readonly untrusted: Tri;
  readonly sensitive: Tri;
  readonly reason: string;
  readonly persons: 1 | 2;
  readonly expires: string;
  readonly calls: string;
  readonly window: string;
  readonly per: NonNullable<Rule["rate"]>["per"];
  readonly irreversible: boolean;
}

export type Tri = "" | "yes" | "no";
export type RuleFaults = Readonly<Partial<Record<keyof RuleForm, string>>>;

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const TOOL = /^[A-Za-z0-9_.:/*?-]{1,128}$/;

export function newRule(key: string): RuleForm {
  return {
    key,
    name: "",
    effect: "approve",
    tools: "*",
    from: 0,
    to: 3,
    conditions: "",
    untrusted: "",
    sensitive: "",
    reason: "",
    persons: 1,
    expires: "",
    calls: "",
    window: "3600",
    per: "tenant",
    irreversible: false,
  };
}

export function formOf(rule: Rule, key: string): RuleForm {
  return {
    key,
    name: rule.name,
    effect: rule.effect,
    tools: rule.tools.join(", "),
    from: rule.from_class,
    to: rule.to_class,
    conditions: rule.arguments ? JSON.stringify(rule.arguments, null, 2) : "",
    untrusted: tri(rule.untrusted),
    sensitive: tri(rule.sensitive),
    reason: rule.reason,
    persons: rule.persons ?? 1,
    expires: rule.expires_s ? String(rule.expires_s) : "",
    calls: rule.rate ? String(rule.rate.calls) : "",
    window: rule.rate ? String(rule.rate.window_s) : "3600",
    per: rule.rate?.per ?? "tenant",
    irreversible: rule.irreversible,
  };
}

/** The rule that a form means; only where `faultsOfRule` finds none. */
export function ruleOf(form: RuleForm): Rule {
  const isApproval = form.effect === "approve";
  return {
    name: form.name,
    effect: form.effect,
    tools: toolsOf(form.tools),
    from_class: form.from,
    to_class: form.to,
    arguments: form.conditions.trim() === "" ? null : (JSON.parse(form.conditions) as Record<string, unknown>),
    untrusted: form.untrusted === "" ? null : form.untrusted === "yes",
    sensitive: form.sensitive === "" ? null : form.sensitive === "yes",
    reason: form.reason,
    persons: isApproval ? form.persons : null,
    expires_s: isApproval && form.expires.trim() !== "" ? Number(form.expires) : null,
    rate:
      form.calls.trim() === "" || form.effect === "deny"
        ? null
        : { calls: Number(form.calls), window_s: Number(form.window), per: form.per },
    irreversible: form.irreversible,
  };
}

/** What the server would refuse, found while it is typed; what only the server knows it says itself. */
export function faultsOfRule(form: RuleForm, others: readonly RuleForm[]): RuleFaults {
  const faults: Partial<Record<keyof RuleForm, string>> = {};
  if (!NAME.test(form.name)) faults.name = "lower case letters, digits, . _ -";
  else if (others.some((other) => other.key !== form.key && other.name === form.name)) {
    faults.name = "another rule has this name";
  }
  const tools = toolsOf(form.tools);
  const bad = tools.find((tool) => !TOOL.test(tool));
  if (tools.length === 0) faults.tools = "at least one name; * means every tool";
  else if (bad !== undefined) faults.tools = `not a tool's name: ${bad}`;
  if (form.from > form.to) faults.to = "below the lowest class";
  const conditions = conditionFault(form.conditions);
  if (conditions) faults.conditions = conditions;
  if (form.effect === "approve" && form.expires.trim() !== "" && !(Number(form.expires) >= 1)) {
    faults.expires = "seconds, at least 1";
  }
  if (form.effect !== "deny" && form.calls.trim() !== "") {
    if (!isWhole(form.calls, 1, 1_000)) faults.calls = "a whole number from 1 to 1,000";
    if (!isWhole(form.window, 1, 2_592_000)) faults.window = "seconds, up to 30 days";
  }
  const easier = irreversibleFault(form, tools);
  if (easier) faults.irreversible = easier;
  return faults;
}

function conditionFault(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "a JSON schema is an object";
  } catch (error) {
    return error instanceof Error ? `not JSON: ${error.message}` : "not JSON";
  }
  return undefined;
}

function irreversibleFault(form: RuleForm, tools: readonly string[]): string | undefined {
  if (!form.irreversible) return undefined;
  if (form.effect === "deny" || (form.effect === "approve" && form.persons === 2))
    return "this rule makes nothing easier";
  if (form.to < 3) return "it is about class 3, which this rule leaves out";
  if (tools.some((tool) => /[*?]/.test(tool))) return "name the tools exactly, without * and ?";
  return undefined;
}

export function toolsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** The rules with one of them elsewhere; where that is no place, as they were. */
export function moved<T>(rules: readonly T[], from: number, to: number): readonly T[] {
  const rule = rules[from];
  if (rule === undefined || to < 0 || to >= rules.length) return rules;
  const rest = rules.filter((_, place) => place !== from);
  return [...rest.slice(0, to), rule, ...rest.slice(to)];
}

function isWhole(text: string, least: number, most: number): boolean {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most;
}

function tri(value: boolean | null | undefined): Tri {
  if (typeof value !== "boolean") return "";
  return value ? "yes" : "no";
}
