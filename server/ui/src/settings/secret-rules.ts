import { hostsOf } from "../agents/spec-form";
import type { HttpHeader } from "../api/schema.gen";

const HOST = /^(?:[^\s/?#@*:[\]\\%]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[1-9]\d{0,4})?$/i;
export const MOST_HOSTS = 50;
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
export const SHORTEST = 8;
export const LONGEST = 8_192;

/** What is wrong with a secret's name; null: nothing. */
export function nameFault(name: string): string | null {
  return NAME.test(name) ? null : "1 to 64 letters, digits and _, beginning with a letter";
}

/** What is wrong with a secret's value, never quoting it. */
export function valueFault(value: string): string | null {
  if (value.length < SHORTEST || value.length > LONGEST) return `${SHORTEST} to ${LONGEST} characters`;
  if (value !== value.trim()) return "no blanks at its ends";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  return /[\u0000-\u001f\u007f]/.test(value) ? "no line breaks or control characters" : null;
}

/** Whether typed hosts mean every one that a definition names. */
export function isAnywhere(text: string): boolean {
  return text.trim() === "*";
}

/** What is wrong with typed hosts; null: nothing. None at all is nowhere. */
export function hostsFault(text: string): string | null {
  if (isAnywhere(text)) return null;
  const hosts = hostsOf(text);
  if (hosts.includes("*")) return "* stands alone: it is any host";
  const wrong = hosts.find((host) => !HOST.test(host));
  if (wrong !== undefined) return `not a host: ${wrong}; it is a name, or name:port`;
  return hosts.length > MOST_HOSTS ? `at most ${MOST_HOSTS} hosts` : null;
}

/** Headers as lines: `host Header: value`. */
export function headerLines(headers: readonly HttpHeader[]): string {
  return headers.map((each) => `${each.host} ${each.header}: ${each.value}`).join("\n");
}

/** Headers from lines, or the first line that is none. */
export function headersOf(text: string): readonly HttpHeader[] | string {
  const headers: HttpHeader[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const found = /^\s*(\S+)\s+([A-Za-z][A-Za-z0-9-]*):\s*(.*\S)\s*$/.exec(line);
    if (!found?.[1] || !found[2] || !found[3]) return line.trim();
    headers.push({ host: found[1], header: found[2], value: found[3] });
  }
  return headers;
}
