import type { ReactNode } from "react";
import { TableBox } from "../components/page";
import { Empty } from "../components/states";
import { Status, type Tone } from "../components/status";
import type { Finding, GateReport, NegativeRow } from "./report";

const WEIGHTS: Record<string, { tone: Tone; words: string }> = {
  blocks: { tone: "bad", words: "blocks" },
  person: { tone: "wait", words: "needs a person" },
  noted: { tone: "quiet", words: "noted" },
};
const VERDICTS: Record<string, Tone> = { passed: "ok", stopped: "wait", failed: "bad" };

/** What the static scan saw. */
export function ScanFindings({ report }: { report: GateReport<Finding> | null }): ReactNode {
  if (report === null) return <NeverRun />;
  return (
    <>
      <Verdict report={report} by={`by our own rules and ${report.by}`} />
      {report.rows.length > 0 ? (
        <TableBox label="Findings">
          <thead>
            <tr>
              <th>Weight</th>
              <th>What</th>
              <th className="number">Line</th>
              <th className="wide">Rule</th>
            </tr>
          </thead>
          <tbody>
            {report.rows.map((each) => (
              <tr key={JSON.stringify(each)}>
                <td>
                  <Status tone={WEIGHTS[each.weight]?.tone ?? "quiet"}>
                    {WEIGHTS[each.weight]?.words ?? each.weight}
                  </Status>
                </td>
                <td>{each.text}</td>
                <td className="number">{each.line || ""}</td>
                <td className="wide muted">{[each.rule, each.cwe].filter(Boolean).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </TableBox>
      ) : (
        !report.error && <p className="card-body muted small">No finding.</p>
      )}
    </>
  );
}

/** What a version did with hostile arguments. */
export function NegativeTests({ report }: { report: GateReport<NegativeRow> | null }): ReactNode {
  if (report === null) return <NeverRun />;
  return (
    <>
      <Verdict report={report} by={report.by && `in ${report.by}`} />
      {report.rows.length > 0 && (
        <TableBox label="Negative tests">
          <thead>
            <tr>
              <th>Verdict</th>
              <th>Kind</th>
              <th>Called with</th>
              <th className="wide">Ended with</th>
            </tr>
          </thead>
          <tbody>
            {report.rows.map((each) => (
              <tr key={JSON.stringify(each)}>
                <td>
                  <Status tone={VERDICTS[each.verdict] ?? "quiet"}>{each.verdict}</Status>
                </td>
                <td>{each.kind}</td>
                <td className="mono">
                  <span className="clip">{each.called}</span>
                </td>
                <td className="wide muted">{each.reason || each.outcome}</td>
              </tr>
            ))}
          </tbody>
        </TableBox>
      )}
    </>
  );
}

function Verdict({ report, by }: { report: GateReport<unknown>; by: string }): ReactNode {
  return (
    <div className="card-body row">
      <Status tone={report.passed ? "ok" : report.error ? "wait" : "bad"}>
        {report.passed ? "passed" : report.error ? "not run" : "failed"}
      </Status>
      <span className="small muted">{report.error || by}</span>
    </div>
  );
}

function NeverRun(): ReactNode {
  return (
    <Empty title="Never run">
      <p>Without it the version cannot be enabled; have it checked.</p>
    </Empty>
  );
}
