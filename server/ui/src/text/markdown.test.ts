import { describe, expect, it } from "vitest";
import { parseInline, parseMarkdown } from "./markdown";

describe("hostile text", () => {
  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert)",
    "[click](data:text/html,x)",
    "[click](//evil.example/x)",
    "[click](https://bank.example@evil.example/)",
    "![x](data:image/png;base64,AAAA)",
  ])("%s stays text", (source) => {
    expect(parseMarkdown(source)).toEqual([{ kind: "paragraph", children: [{ kind: "text", text: source }] }]);
  });

  it("an image is a link that says so, and never loads", () => {
    expect(parseInline("![a](https://t.example/p.png)")).toEqual([
      { kind: "link", href: "https://t.example/p.png", host: "t.example", text: "image: a" },
    ]);
  });

  it("a link shows where it leads", () => {
    expect(parseInline("[your bank](https://evil.example/a)")).toEqual([
      { kind: "link", href: "https://evil.example/a", host: "evil.example", text: "your bank" },
    ]);
  });

  it("a hundred thousand markers are read in linear time", () => {
    const began = performance.now();
    for (const piece of ["*", "[", "`", "**a ", "![", "> ", "1. "]) parseMarkdown(piece.repeat(100_000 / piece.length));
    for (const begin of ["# #", "``` ", "- ", "1. "])
      parseMarkdown(`${begin}${begin.slice(-1).repeat(100_000)}\u2028!`);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe("blocks", () => {
  it("paragraphs, headings, lists, quotes and code", () => {
    const kinds = parseMarkdown(
      "# A\n\ntext\nmore\n- one\n- two\n\n1. x\n2) y\n> q\n> r\n```python\na = 1\n\nb\n```\nend",
    );
    expect(kinds.map((block) => block.kind)).toEqual([
      "heading",
      "paragraph",
      "list",
      "list",
      "quote",
      "code",
      "paragraph",
    ]);
    expect(kinds[5]).toEqual({ kind: "code", language: "python", text: "a = 1\n\nb" });
  });

  it("code that is still being written is code already", () => {
    expect(parseMarkdown("```\nx = 1")).toEqual([{ kind: "code", language: "", text: "x = 1" }]);
  });
});

it("inline marks", () => {
  expect(parseInline("**b** *i* `c*d*` 2*3*4")).toEqual([
    { kind: "strong", children: [{ kind: "text", text: "b" }] },
    { kind: "text", text: " " },
    { kind: "em", children: [{ kind: "text", text: "i" }] },
    { kind: "text", text: " " },
    { kind: "code", text: "c*d*" },
    { kind: "text", text: " 2*3*4" },
  ]);
});
