// Controls, format characters (bidirectional overrides, zero width, tags), private use, lone surrogates, line separators.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text for somebody who decides by it: whatever cannot be seen is written out, as in JSON. Lines and tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) => (char === "\n" || char === "\t" ? char : writtenOut(char)));
}

function writtenOut(char: string): string {
  const units = Array.from({ length: char.length }, (_, place) => char.charCodeAt(place));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
