import { expect, it } from "vitest";
import openapi from "../../openapi.json";
import {
  headerLines,
  headersOf,
  hostsFault,
  LONGEST,
  MOST_HOSTS,
  nameFault,
  SHORTEST,
  valueFault,
} from "./secret-rules";

it("has the API's bounds", () => {
  const { value, hosts } = openapi.components.schemas.SecretWrite.properties;
  expect([value.minLength, value.maxLength]).toEqual([SHORTEST, LONGEST]);
  expect(hosts.anyOf[0]?.maxItems).toBe(MOST_HOSTS);
});

it("says what is wrong with names and values without quoting them", () => {
  expect(nameFault("GITHUB_TOKEN")).toBeNull();
  for (const name of ["", "1A", "A-B", "A".repeat(65)]) expect(nameFault(name)).not.toBeNull();
  expect(valueFault("hunter22")).toBeNull();
  for (const value of ["short", " hunter22", "hunter22\nhunter22", "x".repeat(LONGEST + 1)]) {
    expect(valueFault(value)).not.toBeNull();
    expect(valueFault(value)).not.toContain("hunter");
  }
});

it("says which hosts are none, and that a star stands alone", () => {
  for (const text of ["", "*", " a.org\nb.org:81, [::1]:8443 "]) expect(hostsFault(text)).toBeNull();
  for (const text of ["*.a.org", "a.org *", "https://a.org", "a.org/x", "::1", "a.org:0", "ann@a.org"]) {
    expect(hostsFault(text)).not.toBeNull();
  }
});

it("headers are lines, there and back", () => {
  const headers = [
    { host: "api.example.org", header: "Authorization", value: "Bearer {{secret:TOKEN}}" },
    { host: "b.org:8080", header: "X-Key", value: "{{secret:KEY}}" },
  ];
  expect(headersOf(`${headerLines(headers)}\n\n`)).toEqual(headers);
  expect(headersOf("api.example.org Bearer")).toBe("api.example.org Bearer");
});
