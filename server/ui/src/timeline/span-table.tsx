import type { ReactNode } from "react";
import { money } from "../budget/share";
import { TableBox } from "../components/page";
import { count } from "../text/format";
import type { Span } from "./span";
import { length } from "./waterfall";

/** The same as the waterfall, to read, to hear and to copy. */
export function SpanTable({
  spans,
  now,
  onSelect,
}: {
  spans: readonly Span[];
  now: number;
  onSelect: (key: string) => void;
}): ReactNode {
  const start = Math.min(...spans.map((span) => span.start));
  return (
    <TableBox label="Timeline as a table">
      <thead>
        <tr>
          <th className="number">Step</th>
          <th>What</th>
          <th>Detail</th>
          <th className="number">After</th>
          <th className="number">Took</th>
          <th className="number">Tokens in</th>
          <th className="number">out</th>
          <th className="number">Cost</th>
          <th>Version</th>
          <th>Events</th>
        </tr>
      </thead>
      <tbody>
        {spans.map((span) => (
          <tr key={span.key}>
            <td className="number">{span.step || ""}</td>
            <td>{span.label}</td>
            <td className="muted">
              <span className="clip">{span.detail}</span>
            </td>
            <td className="number">{((span.start - start) / 1000).toFixed(3)} s</td>
            <td className="number">{length(span, now)}</td>
            <td className="number">{span.tokens && count(span.tokens.prompt)}</td>
            <td className="number">{span.tokens && count(span.tokens.completion)}</td>
            <td className="number">{span.costMicros !== null && money(span.costMicros)}</td>
            <td className="muted">{span.version}</td>
            <td>
              <button type="button" className="button button-plain" onClick={() => onSelect(span.key)}>
                {span.seqs.map((seq) => `#${seq}`).join(" ")}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
