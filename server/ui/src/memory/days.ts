import type { MemoryView } from "../api/schema.gen";

export interface Day<T> {
  readonly day: string;
  readonly items: readonly T[];
}

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** Memories by the day on which they happened, newest first, whatever their order was. */
export function byDay<T extends Pick<MemoryView, "occurred_at">>(memories: readonly T[]): Day<T>[] {
  const sorted = [...memories].sort((one, other) => Date.parse(other.occurred_at) - Date.parse(one.occurred_at));
  const days: { day: string; items: T[] }[] = [];
  for (const memory of sorted) {
    const day = DAY.format(new Date(memory.occurred_at));
    const last = days.at(-1);
    if (last?.day === day) last.items.push(memory);
    else days.push({ day, items: [memory] });
  }
  return days;
}
