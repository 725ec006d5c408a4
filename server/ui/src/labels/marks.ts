import type { Label } from "../api/schema.gen";

export interface Mark {
  readonly tone: "bad" | "wait";
  readonly text: string;
  readonly detail: string;
}

/** What a person should see of a label: untrusted, confidential; nothing of an ordinary one. */
export function marksOf(label: Label | null | undefined): readonly Mark[] {
  if (!label) return [];
  const from = label.source || label.origin;
  const marks: Mark[] = [];
  if (label.trust === 0)
    marks.push({ tone: "wait", text: "untrusted", detail: `anybody may have written it: ${from}` });
  if ((label.sensitivity ?? 0) >= 2) marks.push({ tone: "bad", text: "confidential", detail: `from ${from}` });
  return marks;
}

/** For one line of text: ` · untrusted`. */
export function markWords(label: Label | null | undefined): string {
  return marksOf(label)
    .map((mark) => ` · ${mark.text}`)
    .join("");
}
