const NUMBER = new Intl.NumberFormat("en-GB");
const ABSOLUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12,345`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** `1 byte`, `840 bytes`, `1.2 KiB`, `3.4 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return plural(value, "byte");
  const kib = value / 1024;
  return kib < 1023.95 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

/** A length of time in milliseconds, in the two units that matter: `840 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return two(ms, MINUTE, "min", SECOND, "s");
  if (ms < DAY) return two(ms, HOUR, "h", MINUTE, "min");
  return two(ms, DAY, "d", HOUR, "h");
}

function two(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const smalls = Math.round(ms / small);
  const ratio = big / small;
  const rest = smalls % ratio;
  const bigs = Math.floor(smalls / ratio);
  return rest === 0 ? `${bigs} ${bigUnit}` : `${bigs} ${bigUnit} ${rest} ${smallUnit}`;
}

/** `just now`, `12 s ago`, `in 5 min`. */
export function relative(at: number, now: number): string {
  const ago = now - at;
  if (Math.abs(ago) < 2 * SECOND) return "just now";
  const one = oneUnit(Math.abs(ago));
  return ago > 0 ? `${one} ago` : `in ${one}`;
}

function oneUnit(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** In the reader's time zone, to the second. */
export function absolute(at: string | number): string {
  return ABSOLUTE.format(new Date(at));
}

/** The part of an id that people tell apart: the end, since ids of one moment begin alike. */
export function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}

/** `1 run`, `3 runs`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A text of at most so many characters, its end marked where some were left out. */
export function clipped(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
