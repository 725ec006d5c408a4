import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { Lines } from "../agents/diff";
import { toolVersionQuery } from "../api/queries";
import type { ToolVersionDetailView, ToolVersionView } from "../api/schema.gen";
import { Card } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { visible } from "../text/visible";

/** What changed in a version's source and schemas since another one, the one before it at first. */
export function VersionDiff({
  tool,
  version,
  all,
}: {
  tool: string;
  version: ToolVersionDetailView;
  all: readonly ToolVersionView[];
}): ReactNode {
  const others = all.filter((each) => each.version !== version.version);
  const before = others.find((each) => each.version < version.version) ?? others[0];
  const [chosen, setChosen] = useState(before?.version ?? 0);
  const field = useId();
  const query = useQuery({ ...toolVersionQuery(tool, chosen), enabled: chosen > 0 });
  return (
    <Card
      title="What changed"
      aside={
        <span className="row">
          <label className="small" htmlFor={field}>
            since version
          </label>
          <select
            id={field}
            className="input input-auto"
            value={chosen}
            onChange={(event) => setChosen(Number(event.target.value))}
          >
            {others.map((each) => (
              <option key={each.id}>{each.version}</option>
            ))}
          </select>
        </span>
      }
    >
      <Loaded query={query}>{(other) => <Changes before={other} after={version} />}</Loaded>
    </Card>
  );
}

function Changes({ before, after }: { before: ToolVersionDetailView; after: ToolVersionDetailView }): ReactNode {
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  const parts = [
    { name: "source", before: before.source, after: after.source },
    { name: "description", before: before.description, after: after.description },
    { name: "takes", before: json(before.parameters), after: json(after.parameters) },
    { name: "returns", before: json(before.returns), after: json(after.returns) },
  ].filter((part) => part.before !== part.after);
  if (parts.length === 0) return <Empty title="Source and schemas are equal" />;
  return (
    <div className="card-body stack">
      {parts.map((part) => (
        <div key={part.name} className="field">
          <span className="mono">{part.name}</span>
          <Lines before={visible(part.before)} after={visible(part.after)} />
        </div>
      ))}
    </div>
  );
}
