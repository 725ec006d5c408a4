import { describe, expect, it } from "vitest";
import openapi from "../../openapi.json";
import { at, check, defaultSpec, LONGEST_INSTRUCTIONS, MOST_HOSTS, NUMBER_FIELDS, TOOLS, withAt } from "./spec-form";

interface Schema {
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: { readonly enum?: readonly string[] };
  readonly type?: string;
}
const schemas = openapi.components.schemas as unknown as Record<
  string,
  { readonly properties: Record<string, Schema> }
>;
const GROUPS: Record<string, string> = {
  limits: "RunLimits",
  memory: "MemorySpec",
  evolution: "EvolutionSpec",
  loop_breaker: "LoopBreakerSpec",
  approval: "ApprovalSpec",
};

function schemaOf(path: string): Schema {
  const [first = "", second] = path.split(".");
  const found =
    second === undefined ? schemas["AgentSpec"]?.properties[first] : schemas[GROUPS[first] ?? ""]?.properties[second];
  if (!found) throw new Error(`the API knows no ${path}`);
  return found;
}

describe.each(NUMBER_FIELDS)("$path", (field) => {
  const schema = schemaOf(field.path);
  it("has the API's default", () => expect(at(defaultSpec(), field.path)).toBe(schema.default));
  it("has the API's bounds", () => {
    if (schema.exclusiveMinimum !== undefined) expect(field.min).toBeGreaterThan(schema.exclusiveMinimum);
    else expect(field.min).toBe(schema.minimum);
    expect(field.max).toBe(schema.maximum ?? Number.MAX_SAFE_INTEGER);
    expect(field.whole).toBe(schema.type === "integer");
  });
});

it("every number of the API's definition can be edited", () => {
  const paths = Object.entries(GROUPS).flatMap(([group, name]) =>
    Object.entries(schemas[name]?.properties ?? {})
      .filter(([, schema]) => schema.type === "integer" || schema.type === "number")
      .map(([property]) => `${group}.${property}`),
  );
  expect([...NUMBER_FIELDS.map((each) => each.path)].sort()).toEqual([...paths, "temperature"].sort());
});

it("tools, lengths and the other defaults are the API's", () => {
  expect(TOOLS.map((tool) => tool.name).sort()).toEqual([...(schemaOf("tools").items?.enum ?? [])].sort());
  expect(LONGEST_INSTRUCTIONS).toBe(schemaOf("instructions").maxLength);
  expect(MOST_HOSTS).toBe(schemaOf("http_allow").maxItems);
  expect(defaultSpec().instructions).toBe(schemaOf("instructions").default);
  expect(defaultSpec().tools).toEqual(schemaOf("tools").default);
});

it("says what is wrong, by path", () => {
  expect(check(defaultSpec())).toEqual({});
  const spec = { ...withAt(withAt(defaultSpec(), "limits.steps", 0), "temperature", Number.NaN), http_allow: ["a b"] };
  expect(check(spec)).toEqual({
    "limits.steps": "at least 1",
    temperature: "a number is needed",
    http_allow: "a b is not a host name",
  });
  expect(check(withAt(defaultSpec(), "limits.tokens", 1.5))).toEqual({ "limits.tokens": "a whole number is needed" });
});
