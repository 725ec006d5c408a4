import { memo, type ReactNode } from "react";
import { Link } from "react-router";
import type { RunView } from "../api/schema.gen";
import { useCan } from "../shell/me";
import { clipped, count, shortId } from "../text/format";
import { tame } from "../text/visible";
import { waitWords } from "../timeline/explain";
import { AgentName } from "./agent-name";
import { CancelRun } from "./cancel-run";
import { TableBox } from "./page";
import { ACTIVE, RunBadge } from "./status";
import { useWindow } from "./use-window";
import { Id, Took, When } from "./values";

const SHOWN = 200; // characters of an answer that a row can use

/** Runs in rows; of a long list only those near the view are rendered. */
export function RunTable({ runs }: { runs: readonly RunView[] }): ReactNode {
  const can = useCan();
  const mayStop = can("runs:write") && runs.some((run) => ACTIVE.has(run.status));
  const [body, { first, last }, height] = useWindow(runs.length);
  return (
    <TableBox label="Runs">
      <thead>
        <tr>
          <th>Status</th>
          <th className="wide">Run</th>
          <th>Agent</th>
          <th className="wide">Result</th>
          <th className="wide">Session</th>
          <th className="number wide">Tokens</th>
          <th className="number wide">Took</th>
          <th className="number">Queued</th>
          {mayStop && (
            <th className="wide">
              <span className="visually-hidden">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody ref={body}>
        <Gap rows={first} height={height} />
        {runs.slice(first, last).map((run) => (
          <Row key={run.id} run={run} mayStop={mayStop} />
        ))}
        <Gap rows={runs.length - last} height={height} />
      </tbody>
    </TableBox>
  );
}

/** The room of rows that are not rendered. */
function Gap({ rows, height }: { rows: number; height: number }): ReactNode {
  if (rows <= 0) return null;
  return (
    <tr>
      <td className="gap" style={{ height: rows * height }} />
    </tr>
  );
}

const Row = memo(function Row({ run, mayStop }: { run: RunView; mayStop: boolean }): ReactNode {
  return (
    <tr data-row="">
      <td>
        <Link to={`/runs/${run.id}`}>
          <RunBadge status={run.status} stopping={run.cancel_requested_at !== null} />
          <span className="visually-hidden"> run {shortId(run.id)}</span>
        </Link>
      </td>
      <td className="wide">
        <Id id={run.id} to={`/runs/${run.id}`} what="run id" />
      </td>
      <td>
        <AgentName id={run.agent_id} />
      </td>
      <td className="wide">
        <span className="clip clip-result muted">{tame(clipped(outcome(run), SHOWN))}</span>
      </td>
      <td className="wide">
        <Id id={run.session_id} to={`/sessions/${run.session_id}`} what="session id" />
      </td>
      <td className="number wide">{count(run.total_tokens)}</td>
      <td className="number wide">
        <Took from={run.started_at} to={run.finished_at} />
      </td>
      <td className="number">
        <When at={run.created_at} />
      </td>
      {mayStop && (
        <td className="wide number">
          <CancelRun run={run} />
        </td>
      )}
    </tr>
  );
});

function outcome(run: RunView): string {
  if (run.error_code) return `${run.error_code}: ${run.error_message ?? ""}`;
  if (run.waiting_for) return waitWords(run.waiting_for.kind);
  return run.output ?? "";
}
