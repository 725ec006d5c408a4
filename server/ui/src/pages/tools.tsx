import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { toolsQuery, toolVersionsQuery } from "../api/queries";
import type { ToolVersionView, ToolView } from "../api/schema.gen";
import { ToolCharts } from "../charts/tool-charts";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { StateBadge, Status } from "../components/status";
import { When } from "../components/values";
import { useCan } from "../shell/me";
import { count } from "../text/format";
import { tame } from "../text/visible";
import { ToolActivation } from "../tools/activation";
import { ImportTool } from "../tools/import-tool";
import { usesQuery } from "../tools/uses";

export default function Tools(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(toolsQuery);
  return (
    <Page title="Tools" actions={can("tools:write") && <ImportTool />}>
      <p className="muted">Tools that agents wrote for themselves, tested in the sandbox and shared with later runs.</p>
      <ToolActivation />
      {can("runs:read") && <ToolCharts />}
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title="No tool has grown yet">
              <p>
                An agent with the built-in tool <code>request_capability</code> asks for a tool when it lacks one; what
                passes its tests stands here.
              </p>
            </Empty>
          }
        >
          {(tools) => (
            <TableBox label="Tools">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>State</th>
                  <th className="wide">What it does</th>
                  <th className="number">Calls</th>
                  <th className="number">Success</th>
                  <th className="number wide">Reused by runs</th>
                  <th className="number wide">Versions</th>
                  <th className="number wide">Changed</th>
                </tr>
              </thead>
              <tbody>
                {tools.map((tool) => (
                  <Row key={tool.id} tool={tool} />
                ))}
              </tbody>
            </TableBox>
          )}
        </Paged>
      </Card>
    </Page>
  );
}

function Row({ tool }: { tool: ToolView }): ReactNode {
  const versions = useQuery(toolVersionsQuery(tool.id)).data?.items ?? [];
  const current = versions.find((each) => each.version === tool.active_version) ?? versions[0];
  const uses = versions.reduce((sum, each) => sum + each.uses, 0);
  const failures = versions.reduce((sum, each) => sum + each.failures, 0);
  return (
    <tr>
      <td>
        <Link className="mono" to={`/tools/${tool.id}`}>
          {tool.name}
        </Link>
      </td>
      <td>
        <span className="row">
          <StateBadge state={tool.active_version !== null ? "active" : (current?.state ?? "disabled")} />
          {tool.active_version !== null && tool.waiting_version != null && (
            <Status tone="wait">version {tool.waiting_version} waits</Status>
          )}
        </span>
      </td>
      <td className="wide">
        <span className="clip clip-result muted">{tame(tool.description)}</span>
      </td>
      <td className="number">{count(uses)}</td>
      <td className="number" title={`${count(failures)} failed`}>
        {uses === 0 ? "–" : `${Math.round(((uses - failures) / uses) * 100)}%`}
      </td>
      <td className="number wide">
        <Reuse tool={tool} versions={versions} />
      </td>
      <td className="number wide">{versions.length}</td>
      <td className="number wide">
        <When at={tool.updated_at} />
      </td>
    </tr>
  );
}

/** How many runs used it among its latest calls, those that wrote it aside: what reuse is. */
function Reuse({ tool, versions }: { tool: ToolView; versions: readonly ToolVersionView[] }): ReactNode {
  const uses = useQuery(usesQuery(tool.id)).data?.items;
  if (!uses) return "–";
  const makers = new Set(versions.map((version) => version.origin_run_id));
  return count(new Set(uses.map((use) => use.run_id).filter((run) => !makers.has(run))).size);
}
