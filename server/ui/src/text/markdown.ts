/**
 * A small safe subset of Markdown as a tree. Whatever is not recognised stays text: there is no HTML, no image and
 * nothing that fetches by itself.
 */
export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "strong" | "em"; readonly children: readonly Inline[] }
  | { readonly kind: "link"; readonly href: string; readonly host: string; readonly text: string };

export type Block =
  | { readonly kind: "paragraph" | "quote"; readonly children: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: "list"; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: "code"; readonly language: string; readonly text: string };

// Hostile text meets these: none may try the rest of a line anew from each of its characters.
const FENCE = /^ {0,3}```+[ \t]*([\w+-]*)$/;
const HEADING = /^(#{1,6}) +(?=\S)(.*)$/s;
const BULLET = /^\s{0,8}[-*+] (.*)$/s;
const NUMBERED = /^\s{0,8}\d{1,9}[.)] (.*)$/s;
const QUOTE = /^ {0,3}> ?(.*)$/s;
const INLINE =
  /(?<code>`[^`\n]+`)|(?<image>!\[[^\]\n]{0,160}\]\([^()\s]{1,2000}\))|(?<link>\[[^\]\n]{1,160}\]\([^()\s]{1,2000}\))|(?<strong>\*\*[^*\n]+\*\*)|(?<em>(?<![\w*])\*[^*\s][^*\n]*\*(?![\w*]))/g;
const TARGET = /^!?\[([^\]]*)\]\(([^)]*)\)$/;

/** Blocks of a text. */
export function parseMarkdown(source: string): Block[] {
  const lines = source.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? "";
    if (line.trim() === "") {
      index += 1;
      continue;
    }
    const [block, next] = fenced(lines, index) ?? listed(lines, index) ?? flowing(lines, index);
    blocks.push(block);
    index = next;
  }
  return blocks;
}

type Taken = [Block, number];

function fenced(lines: readonly string[], start: number): Taken | null {
  const opening = FENCE.exec((lines[start] ?? "").trimEnd());
  if (!opening) return null;
  let end = start + 1;
  while (end < lines.length && !/^ {0,3}```+$/.test((lines[end] ?? "").trimEnd())) end += 1;
  return [{ kind: "code", language: opening[1] ?? "", text: lines.slice(start + 1, end).join("\n") }, end + 1];
}

function listed(lines: readonly string[], start: number): Taken | null {
  const first = lines[start] ?? "";
  const pattern = BULLET.test(first) ? BULLET : NUMBERED.test(first) ? NUMBERED : null;
  if (!pattern) return null;
  const items: Inline[][] = [];
  let index = start;
  for (; index < lines.length; index += 1) {
    const item = pattern.exec(lines[index] ?? "");
    if (!item) break;
    items.push(parseInline((item[1] ?? "").trim()));
  }
  return [{ kind: "list", ordered: pattern === NUMBERED, items }, index];
}

function flowing(lines: readonly string[], start: number): Taken {
  const first = lines[start] ?? "";
  const heading = HEADING.exec(first);
  if (heading) {
    const title = withoutEnd(heading[2] ?? "", "#").trim();
    return [{ kind: "heading", level: (heading[1] ?? "#").length, children: parseInline(title) }, start + 1];
  }
  const isQuote = QUOTE.test(first);
  const taken: string[] = [];
  let index = start;
  for (; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const quoted = QUOTE.exec(line);
    if (isQuote ? !quoted : line.trim() === "" || (index > start && beginsBlock(line))) break;
    taken.push(isQuote ? (quoted?.[1] ?? "") : line);
  }
  return [{ kind: isQuote ? "quote" : "paragraph", children: parseInline(taken.join("\n")) }, index];
}

function beginsBlock(line: string): boolean {
  return FENCE.test(line.trimEnd()) || [HEADING, BULLET, NUMBERED, QUOTE].some((pattern) => pattern.test(line));
}

function withoutEnd(text: string, mark: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === mark) end -= 1;
  return end === 0 ? text : text.slice(0, end);
}

/** The inline parts of a text. */
export function parseInline(source: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  for (const match of source.matchAll(INLINE)) {
    if (match.index > end) parts.push({ kind: "text", text: source.slice(end, match.index) });
    parts.push(special(match[0], match.groups ?? {}));
    end = match.index + match[0].length;
  }
  if (end < source.length) parts.push({ kind: "text", text: source.slice(end) });
  return parts;
}

function special(text: string, groups: Record<string, string | undefined>): Inline {
  if (groups["code"]) return { kind: "code", text: text.slice(1, -1) };
  if (groups["strong"]) return { kind: "strong", children: parseInline(text.slice(2, -2)) };
  if (groups["em"]) return { kind: "em", children: parseInline(text.slice(1, -1)) };
  const [, label = "", href = ""] = TARGET.exec(text) ?? [];
  const host = hostOf(href);
  if (host === null) return { kind: "text", text };
  return { kind: "link", href, host, text: groups["image"] ? `image: ${label || "without a name"}` : label };
}

/** The host that a link leads to, or null where it is not an absolute web address. */
function hostOf(href: string): string | null {
  if (!/^https?:\/\//i.test(href)) return null;
  try {
    const url = new URL(href);
    return url.username || url.password ? null : url.host;
  } catch {
    return null;
  }
}
