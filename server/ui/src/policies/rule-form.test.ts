import { describe, expect, it } from "vitest";
import type { Rule } from "../api/schema.gen";
import { faultsOfRule, formOf, moved, newRule, type RuleForm, ruleOf } from "./rule-form";
import { classWords, effectWords, sourceWords, windowWords } from "./words";

const RULE: Rule = {
  name: "orders",
  effect: "approve",
  tools: ["order", "pay_*"],
  from_class: 1,
  to_class: 2,
  arguments: { required: ["amount"] },
  untrusted: true,
  sensitive: null,
  reason: "they cost money",
  persons: 2,
  expires_s: 60,
  rate: { calls: 5, window_s: 3600, per: "agent" },
  irreversible: false,
};

function faults(changes: Partial<RuleForm>, others: readonly RuleForm[] = []): string[] {
  return Object.keys(faultsOfRule({ ...newRule("a"), name: "a", ...changes }, others));
}

describe("the form of a rule", () => {
  it("gives back the rule that it was made of", () => {
    expect(ruleOf(formOf(RULE, "k"))).toEqual(RULE);
  });

  it("leaves out what does not belong to the effect", () => {
    const denied = ruleOf({ ...formOf(RULE, "k"), effect: "deny" });
    expect([denied.persons, denied.expires_s, denied.rate]).toEqual([null, null, null]);
  });

  it.each<[Partial<RuleForm>, string]>([
    [{ name: "Not a name" }, "name"],
    [{ tools: " , " }, "tools"],
    [{ tools: "a(b)" }, "tools"],
    [{ from: 2, to: 1 }, "to"],
    [{ conditions: "{" }, "conditions"],
    [{ conditions: "[]" }, "conditions"],
    [{ calls: "0" }, "calls"],
    [{ calls: "3", window: "x" }, "window"],
    [{ expires: "0" }, "expires"],
    [{ irreversible: true, effect: "allow" }, "irreversible"],
    [{ irreversible: true, effect: "deny", tools: "pay" }, "irreversible"],
  ])("finds the fault of %o", (changes, field) => {
    expect(faults(changes)).toEqual([field]);
  });

  it("finds nothing wrong with a good rule, and a name that is taken", () => {
    expect(faults({})).toEqual([]);
    expect(faults({ irreversible: true, effect: "allow", tools: "pay" })).toEqual([]);
    expect(faults({}, [{ ...newRule("b"), name: "a" }])).toEqual(["name"]);
  });

  it("moves a rule and leaves the others in order", () => {
    expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
    expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
    expect(moved(["a", "b"], 1, 2)).toEqual(["a", "b"]);
  });
});

describe("words about rules", () => {
  it("says what a rule is about and does", () => {
    expect(classWords(RULE)).toBe("1 to 2");
    expect(classWords({ from_class: 0, to_class: 3 })).toBe("any");
    expect(classWords({ from_class: 3, to_class: 3 })).toBe("3 irreversible");
    expect(effectWords(RULE)).toBe("2 persons approve, 5 in 1 h per agent");
    expect(windowWords(90)).toBe("90 s");
  });

  it("says where a decision comes from", () => {
    const decision = { policy: "house", policy_id: "x", policy_version: 3, rule: "r" };
    expect(sourceWords(decision)).toBe("r of house, version 3");
    expect(sourceWords({ ...decision, policy: "default", policy_id: null })).toBe("default: r");
  });
});
