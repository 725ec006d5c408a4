import { expect, it } from "vitest";
import { consequence, headline, scopeOf, signer } from "./words";

it("says what an order stops, and who may lift it", () => {
  const orders = [
    { kind: "freeze", scope: "all" },
    { kind: "pause", scope: "tenant" },
    { kind: "pause", scope: "agent" },
  ] as const;
  expect(orders.map((order) => headline(order, "gardener"))).toEqual([
    "All side effects are frozen",
    "All runs are paused",
    "Runs of gardener are paused",
  ]);
  expect(orders.map(scopeOf)).toEqual(["stops:write", "stops:write", "runs:write"]);
  expect(consequence(orders[0])).toContain("stay so");
  expect(consequence(orders[1])).toContain("go on");
});

it("names the key without its id", () => {
  expect(signer("night shift (01a200b1-bc54-722b-8c1b-082aa8f9a318)")).toBe("night shift");
  expect(signer("another tenant")).toBe("another tenant");
});
