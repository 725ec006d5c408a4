import { expect, it } from "vitest";
import { tokenise } from "./python";

const SOURCE = `@cache
def roman(n):  # grows
    """Doc 'with' quotes."""
    return f"{n:#x}" + 'it\\'s' + str(1_000.5)
`;

it("loses nothing", () => {
  const broken = `${SOURCE}"""never closed\n'x`;
  expect(
    tokenise(broken)
      .map((token) => token.text)
      .join(""),
  ).toBe(broken);
});

it("knows what is what", () => {
  const kinds = tokenise(SOURCE)
    .filter((token) => token.kind !== "plain")
    .map((token) => [token.kind, token.text]);
  expect(kinds).toEqual([
    ["decorator", "@cache"],
    ["keyword", "def"],
    ["definition", "roman"],
    ["comment", "# grows"],
    ["string", '"""Doc \'with\' quotes."""'],
    ["keyword", "return"],
    ["string", 'f"{n:#x}"'],
    ["string", "'it\\'s'"],
    ["number", "1_000.5"],
  ]);
});
