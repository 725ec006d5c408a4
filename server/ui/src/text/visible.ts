// Controls, format characters (bidirectional overrides, zero width, tags), private use, lone surrogates, line separators.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text for somebody who decides by it: whatever cannot be seen is written out, as in JSON. Lines and tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) => (char === "\n" || char === "\t" ? char : writtenOut(char)));
}

// Controls (of a terminal, too), what turns the order of letters round, and tags, which hide whole sentences.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNRULY = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;

/** Text of a model or a tool, to be read: what would make it look other than it is, is written out. */
export function tame(text: string): string {
  return text.replace(UNRULY, writtenOut);
}

function writtenOut(char: string): string {
  const units = Array.from({ length: char.length }, (_, place) => char.charCodeAt(place));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
