import type { Timing } from "../api/schedules";
import { absolute, duration } from "../text/format";

/** A timing as it is typed. */
export interface TimingForm {
  readonly kind: Timing["kind"];
  readonly expression: string;
  readonly zone: string;
  readonly every: string;
  readonly unit: Unit;
  readonly startAt: string | null;
  /** As `datetime-local` gives it, in the reader's zone. */
  readonly at: string;
}

export const UNITS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const;
export type Unit = keyof typeof UNITS;

const LONGEST_S = 366 * 86_400;
const CRON_FIELDS = 5;

export function emptyTiming(zone: string): TimingForm {
  return { kind: "cron", expression: "0 8 * * MON-FRI", zone, every: "15", unit: "minutes", startAt: null, at: "" };
}

export function formOf(timing: Timing, zone: string): TimingForm {
  const form = { ...emptyTiming(zone), kind: timing.kind };
  switch (timing.kind) {
    case "cron":
      return { ...form, expression: timing.expression, zone: timing.time_zone };
    case "interval": {
      const unit = largestUnit(timing.every_s);
      return { ...form, every: String(timing.every_s / UNITS[unit]), unit, startAt: timing.start_at ?? null };
    }
    case "once":
      return { ...form, at: localText(timing.at) };
  }
}

function largestUnit(seconds: number): Unit {
  const fitting = (Object.keys(UNITS) as Unit[]).filter((unit) => seconds % UNITS[unit] === 0);
  return fitting.at(-1) ?? "seconds";
}

/** What is wrong with it as far as that is known here; the server's preview knows the rest. */
export function timingFault(form: TimingForm): string | null {
  switch (form.kind) {
    case "cron":
      if (form.expression.trim().split(/\s+/).length !== CRON_FIELDS) {
        return "five fields: minute, hour, day of month, month, day of week";
      }
      return form.zone.trim() === "" ? "a time zone is needed, such as Europe/Berlin" : null;
    case "interval": {
      const seconds = Number(form.every) * UNITS[form.unit];
      if (!Number.isInteger(seconds) || seconds < 1) return "a whole number of seconds is needed, at least one";
      return seconds > LONGEST_S ? "at most 366 days" : null;
    }
    case "once":
      return Number.isNaN(Date.parse(form.at)) ? "a day and a time are needed" : null;
  }
}

/** The timing to send; null while it is not one. */
export function timingOf(form: TimingForm): Timing | null {
  if (timingFault(form) !== null) return null;
  switch (form.kind) {
    case "cron":
      return { kind: "cron", expression: form.expression.trim().replace(/\s+/g, " "), time_zone: form.zone.trim() };
    case "interval":
      return { kind: "interval", every_s: Number(form.every) * UNITS[form.unit], start_at: form.startAt };
    case "once":
      return { kind: "once", at: new Date(form.at).toISOString() };
  }
}

/** In one line. */
export function timingWords(timing: Timing): string {
  switch (timing.kind) {
    case "cron":
      return `${timing.expression} (${timing.time_zone})`;
    case "interval":
      return `every ${duration(timing.every_s * 1000)}`;
    case "once":
      return `once, ${absolute(timing.at)}`;
  }
}

function localText(at: string): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
