import type { ReactNode } from "react";
import type { Approval } from "../api/approvals";
import { TableBox } from "../components/page";
import { When } from "../components/values";
import { WAYS } from "./words";

/** Who decided what, when and why. */
export function Decided({ approval }: { approval: Approval }): ReactNode {
  if (approval.decisions.length === 0) return null;
  return (
    <TableBox label="Decisions">
      <thead>
        <tr>
          <th>Who</th>
          <th>Decided</th>
          <th>Why</th>
          <th className="number">When</th>
        </tr>
      </thead>
      <tbody>
        {approval.decisions.map((each) => (
          <tr key={`${each.by_id} ${each.decided_at}`}>
            <td>
              {each.by_name}
              {each.by_kind === "key" && <span className="muted"> (key)</span>}
            </td>
            <td>{WAYS[each.decision].text}</td>
            <td className="wrap">{[each.answer, each.reason].filter(Boolean).join("; ") || "–"}</td>
            <td className="number">
              <When at={each.decided_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
