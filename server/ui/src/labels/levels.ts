import type { Label, MemoryView } from "../api/schema.gen";

export type Level = 0 | 1 | 2;

/** What can be said by hand, the strictest first. */
export const LEVELS: readonly { readonly level: Level; readonly text: string; readonly means: string }[] = [
  {
    level: 2,
    text: "confidential",
    means: "with untrusted text beside it, whatever reaches outside waits for a person",
  },
  { level: 1, text: "internal", means: "the tenant’s own" },
  { level: 0, text: "what its label says", means: "takes back what was said by hand" },
];

/** A level as people call it. */
export function levelText(level: number): string {
  return LEVELS.find((each) => each.level === level)?.text ?? `${level}`;
}

/** The label by which it counts who reads a memory: no less sensitive than somebody has said. */
export function countedLabel(memory: Pick<MemoryView, "label" | "sensitivity_floor">): Label | null {
  const floor = memory.sensitivity_floor ?? 0;
  const label: Label | null =
    memory.label ??
    (floor > 0 ? { origin: "tool", trust: 0, sensitivity: 1, source: "before labels were kept" } : null);
  if (label === null) return null;
  return floor > (label.sensitivity ?? 0) ? { ...label, sensitivity: floor } : label;
}
