import { expect, it } from "vitest";
import { placeAt } from "./places";

it.each([
  ["/runs/01a2/trace", "runs/:id/trace"],
  ["/agents/new", "agents/new"],
  ["/agents/gardener", "agents/:id"],
  ["/settings/", "settings"],
])("%s is shown by %s", (pathname, path) => {
  expect(placeAt(pathname)?.path).toBe(path);
});

it("an address that no page has leads nowhere", () => {
  expect(placeAt("/")).toBeUndefined();
  expect(placeAt("/runs/01a2/none")).toBeUndefined();
});
