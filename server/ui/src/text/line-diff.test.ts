import { expect, it } from "vitest";
import { diffLines } from "./line-diff";

const marks = { same: " ", added: "+", removed: "-" };
const shown = (before: string, after: string) => diffLines(before, after).map((each) => marks[each.kind] + each.text);

it("keeps what both have", () => {
  expect(shown("a\nb\nc", "a\nx\nc\nd")).toEqual([" a", "-b", "+x", " c", "+d"]);
});

it("of equal texts changes nothing", () => expect(shown("a\nb", "a\nb")).toEqual([" a", " b"]));
