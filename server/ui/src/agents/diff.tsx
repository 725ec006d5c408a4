import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { diffQuery } from "../api/queries";
import type { FieldChangeView } from "../api/schema.gen";
import { Empty, Loaded } from "../components/states";
import { diffLines } from "../text/line-diff";

/** What changed between two versions, field by field; texts line by line. */
export function Diff({ agent, before, after }: { agent: string; before: number; after: number }): ReactNode {
  const query = useQuery(diffQuery(agent, before, after));
  return (
    <Loaded query={query}>
      {(diff) =>
        diff.changes.length === 0 ? (
          <Empty title="These versions are equal" />
        ) : (
          diff.changes.map((change) => <Change key={change.path} change={change} />)
        )
      }
    </Loaded>
  );
}

function Change({ change }: { change: FieldChangeView }): ReactNode {
  return (
    <div className="field">
      <span className="mono">{change.path}</span>
      <Lines before={shown(change.before)} after={shown(change.after)} />
    </div>
  );
}

/** Two texts as one, line by line. */
export function Lines({ before, after }: { before: string; after: string }): ReactNode {
  return (
    <pre className="code wrap">
      {diffLines(before, after).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity
        <span key={index} className={`diff-${line.kind}`}>
          {line.kind === "added" ? "+ " : line.kind === "removed" ? "- " : "  "}
          {line.text || " "}
        </span>
      ))}
    </pre>
  );
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "(none)" : JSON.stringify(value, null, 2);
}
