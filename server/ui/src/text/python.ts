export type TokenKind = "plain" | "keyword" | "string" | "comment" | "number" | "definition" | "decorator";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda match nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const TOKEN =
  /(?<comment>#[^\n]*)|(?<string>[rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|(?<decorator>@[\w.]+)|(?<number>\b\d[\d_.]*(?:e[+-]?\d+)?\b)|(?<word>[A-Za-z_]\w*)/g;

/** Python source in coloured pieces; joined they are the source again. */
export function tokenise(source: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  let previous = "";
  for (const match of source.matchAll(TOKEN)) {
    if (match.index > end) tokens.push({ kind: "plain", text: source.slice(end, match.index) });
    tokens.push({ kind: kindOf(match.groups ?? {}, previous), text: match[0] });
    previous = match[0];
    end = match.index + match[0].length;
  }
  if (end < source.length) tokens.push({ kind: "plain", text: source.slice(end) });
  return tokens;
}

function kindOf(groups: Record<string, string | undefined>, previous: string): TokenKind {
  const word = groups["word"];
  if (word !== undefined) {
    if (KEYWORDS.has(word)) return "keyword";
    return previous === "def" || previous === "class" ? "definition" : "plain";
  }
  for (const kind of ["comment", "string", "decorator", "number"] as const) if (groups[kind] !== undefined) return kind;
  return "plain";
}
