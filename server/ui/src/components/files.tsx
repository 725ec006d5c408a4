import type { ReactNode } from "react";
import type { Event, ToolFinished } from "../api/schema.gen";
import { bytes } from "../text/format";
import { Card } from "./page";

/** The name under which the server gives the whole of a result that was cut. */
const WHOLE = "_result.txt";

interface Left {
  readonly name: string;
  readonly words: string;
}

/** What a call has left, as the server names it. */
function leftBy(end: ToolFinished): Left[] {
  const files = (end.files ?? []).map((file) => ({ name: file.name, words: `${file.name}, ${bytes(file.size)}` }));
  return end.artifact_sha256 ? [{ name: WHOLE, words: `the whole result of ${end.name}` }, ...files] : files;
}

/** Links that save what a call has left; `seq` is the number of its end in the session's log. */
export function CallFiles({ runId, seq, end }: { runId: string; seq: number; end: ToolFinished }): ReactNode {
  const left = leftBy(end);
  if (left.length === 0) return null;
  return (
    <ul className="files small" aria-label={`Files of ${end.name}`}>
      {left.map(({ name, words }) => (
        <li key={name}>
          <a href={`/v1/runs/${runId}/files/${seq}/${name}`} download={name}>
            {words}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** All files of a run; nothing where there are none. */
export function RunFiles({ runId, events }: { runId: string; events: readonly Event[] }): ReactNode {
  const ends = events.flatMap(({ seq, payload }) =>
    payload.type === "tool.finished" && (payload.files ?? []).length > 0 ? [{ seq, end: payload }] : [],
  );
  if (ends.length === 0) return null;
  return (
    <Card title="Files">
      <div className="card-body stack">
        <p className="small muted">
          Made by code that a model wrote: look at them as you would at a stranger’s attachment.
        </p>
        {ends.map(({ seq, end }) => (
          <CallFiles key={seq} runId={runId} seq={seq} end={end} />
        ))}
      </div>
    </Card>
  );
}
