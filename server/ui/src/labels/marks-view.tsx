import type { ReactNode } from "react";
import type { Label } from "../api/schema.gen";
import { Status } from "../components/status";
import { marksOf } from "./marks";

/** The marks of a text; nothing where it has none. */
export function Marks({ label }: { label: Label | null | undefined }): ReactNode {
  return marksOf(label).map((mark) => (
    <span key={mark.text} title={mark.detail}>
      <Status tone={mark.tone}>{mark.text}</Status>
    </span>
  ));
}
