import type { ReactNode } from "react";
import { money } from "../budget/share";
import { TableBox } from "../components/page";
import { Status } from "../components/status";
import { count, duration } from "../text/format";
import { length } from "../timeline/waterfall";
import type { Row } from "./flatten";

const INDENT = 14;

/** The same as the picture, with all that the server says: to read, to hear and to copy. */
export function TreeTable({
  rows,
  now,
  onSelect,
}: {
  rows: readonly Row[];
  now: number;
  onSelect: (key: string) => void;
}): ReactNode {
  const begin = Math.min(...rows.map((row) => row.start));
  return (
    <TableBox label="Trace as a table">
      <thead>
        <tr>
          <th className="number">Step</th>
          <th>Kind</th>
          <th>What</th>
          <th>State</th>
          <th className="number">After</th>
          <th className="number">Took</th>
          <th className="number">First token</th>
          <th className="number">Tokens in</th>
          <th className="number">cached</th>
          <th className="number">out</th>
          <th className="number">Cost</th>
          <th>Model or version</th>
          <th>Events</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td className="number">{row.step || ""}</td>
            <td className="muted">{row.kind}</td>
            <td style={{ paddingLeft: 10 + row.depth * INDENT }} title={row.detail || undefined}>
              {row.label}
            </td>
            <td>
              {row.state === "failed" ? <Status tone="bad">failed</Status> : row.state === "note" ? "" : row.state}
            </td>
            <td className="number">{((row.start - begin) / 1000).toFixed(3)} s</td>
            <td className="number">{length(row, now)}</td>
            <td className="number">{row.source.first_token_ms !== null && duration(row.source.first_token_ms)}</td>
            <td className="number">{row.tokens && count(row.tokens.prompt)}</td>
            <td className="number">{row.tokens && count(row.tokens.cached)}</td>
            <td className="number">{row.tokens && count(row.tokens.completion)}</td>
            <td className="number">{row.source.cost_micros > 0 && money(row.source.cost_micros)}</td>
            <td className="muted">{row.source.model ?? row.source.tool_version_id?.slice(-8) ?? ""}</td>
            <td>
              <button type="button" className="button button-plain" onClick={() => onSelect(row.key)}>
                {row.seqs.map((seq) => `#${seq}`).join(" ") || "–"}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
