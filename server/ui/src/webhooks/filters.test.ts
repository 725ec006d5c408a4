import { expect, it } from "vitest";
import openapi from "../../openapi.json";
import { FAMILIES, filterFault, filtersOf, urlFault } from "./filters";

it("offers every family of events that the API has", () => {
  const mapping = openapi.components.schemas.Event.properties.payload.discriminator.mapping;
  const families = new Set(Object.keys(mapping).map((type) => type.split(".")[0]));
  expect([...families].filter((family) => !FAMILIES.some((each) => each.name === family))).toEqual([]);
});

it("reads filters a line each, once each", () => {
  expect(filtersOf("run.*\nrun.*, tool.called ")).toEqual(["run.*", "tool.called"]);
  expect(filterFault([])).toContain("at least one");
  expect(filterFault(["run.*", "*", "run.budget_exhausted"])).toBeNull();
  expect(filterFault(["run"])).toContain("run is no event");
});

it("knows an address", () => {
  expect(urlFault("https://example.org/x")).toBeNull();
  expect(urlFault("example.org")).not.toBeNull();
  expect(urlFault("ftp://example.org")).toContain("http");
  expect(urlFault("https://me:secret@example.org")).toContain("password");
});
