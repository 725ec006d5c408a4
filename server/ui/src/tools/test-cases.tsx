import type { ReactNode } from "react";
import type { ToolVersionDetailView } from "../api/schema.gen";
import { TableBox } from "../components/page";
import { Json } from "../components/prose";
import { Empty } from "../components/states";
import { Status } from "../components/status";
import { type CaseRow, reportOf } from "./report";

/** What the candidate was tested with, and what it gave. */
export function TestCases({ version }: { version: ToolVersionDetailView }): ReactNode {
  const report = reportOf(version);
  if (report === null) return <Empty title="It has not been tested yet" />;
  return (
    <>
      <div className="card-body row">
        <Status tone={report.passed ? "ok" : "bad"}>{report.passed ? "passed" : "failed"}</Status>
        {report.tier && <span className="muted">in {report.tier}</span>}
        <span className="small muted">{report.detail}</span>
      </div>
      {report.cases.length > 0 && (
        <TableBox label="Test cases">
          <thead>
            <tr>
              <th>Verdict</th>
              <th>Called with</th>
              <th>Expected</th>
              <th>Gave</th>
              <th className="wide">From</th>
            </tr>
          </thead>
          <tbody>
            {report.cases.map((each) => (
              <Case key={JSON.stringify(each)} row={each} />
            ))}
          </tbody>
        </TableBox>
      )}
      <details className="card-body">
        <summary className="small muted">as stored</summary>
        <Json value={version.test_report ?? version.tests} />
      </details>
    </>
  );
}

function Case({ row }: { row: CaseRow }): ReactNode {
  return (
    <tr>
      <td>
        <Status tone={row.verdict === "confirmed" ? "ok" : row.verdict === "unresolved" ? "wait" : "bad"}>
          {row.verdict}
        </Status>
      </td>
      <td className="mono">{row.called}</td>
      <td className="mono">{row.expected}</td>
      <td className="mono">{row.got}</td>
      <td className="wide muted">{row.origin}</td>
    </tr>
  );
}
