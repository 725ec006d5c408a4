import { expect, it } from "vitest";
import { argumentLine, decisionOf, following, isLowRisk, neighbour, riskWords } from "./words";

it("a key decides only what is allowed", () => {
  expect(decisionOf("a", ["approve", "deny"])).toBe("approve");
  expect(decisionOf("D", ["approve", "deny"])).toBe("deny");
  expect(decisionOf("a", ["answer"])).toBeNull();
  expect(decisionOf("x", ["approve", "deny"])).toBeNull();
});

it("only reads and scratch work may go through in one go", () => {
  const call = { kind: "call", allowed: ["approve", "deny"] } as const;
  expect([0, 1, 2, 3].map((side_effect) => isLowRisk({ ...call, allowed: [...call.allowed], side_effect }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(isLowRisk({ kind: "question", allowed: ["answer"], side_effect: 0 })).toBe(false);
  expect(riskWords(3)).toBe("cannot be undone");
});

it("the keyboard goes through the list and stays in it", () => {
  const ids = ["1", "2", "3"];
  expect(neighbour(ids, null, 1)).toBe("1");
  expect(neighbour(ids, "1", 1)).toBe("2");
  expect(neighbour(ids, "3", 1)).toBe("3");
  expect(neighbour(ids, "1", -1)).toBe("1");
  expect(neighbour([], "1", 1)).toBeNull();
});

it("after a decision the next one below is looked at, at the end the one above", () => {
  expect(following(["1", "2", "3"], "2")).toBe("3");
  expect(following(["1", "2", "3"], "3")).toBe("2");
  expect(following(["1"], "1")).toBeNull();
});

it("a call in one line hides nothing and is not long", () => {
  expect(argumentLine({ arguments: { to: "a\u202eb" } })).toBe('{"to":"a\\u202eb"}');
  expect(argumentLine({ arguments: { to: "x".repeat(999) } })).toHaveLength(160);
});
