import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { auditQuery, verifyAudit } from "../api/audit";
import type { AuditEntryView, AuditReportView } from "../api/schema.gen";
import { Card, TableBox } from "../components/page";
import { Json } from "../components/prose";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Copy, When } from "../components/values";
import { count, plural, shortId } from "../text/format";
import { exportPath, FILTERS, filterOf, pageOf, shortDetail, split, toneOf } from "./audit-words";

const SHOWN = 60;
const PAUSE_MS = 300;

/** Who did what, whether the log is whole, and all of it to take away. */
export function Audit(): ReactNode {
  const [params, setParams] = useSearchParams();
  const filter = filterOf(params);
  const query = useInfiniteQuery(auditQuery(filter));
  const isFiltered = FILTERS.some((name) => params.get(name));
  function set(name: string, value: string): void {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: true, preventScrollReset: true });
  }
  return (
    <>
      <Verification />
      <Card
        title="Audit log"
        aside={
          <a className="button" href={exportPath(filter)} download="hortus-audit.jsonl">
            Export
          </a>
        }
      >
        <search className="card-body filters">
          <Filter name="actor" label="Who" hint="name or id" value={params.get("actor")} onChange={set} />
          <Filter name="action" label="Did what" hint="run.*" value={params.get("action")} onChange={set} />
          <Filter name="subject" label="To what" hint="kind:id" value={params.get("subject")} onChange={set} />
          <Filter name="since" label="From" type="date" value={params.get("since")} onChange={set} />
          <Filter name="until" label="To" type="date" value={params.get("until")} onChange={set} />
        </search>
        <Paged query={query} empty={<Nothing isFiltered={isFiltered} />}>
          {(entries) => <Entries entries={entries} onFilter={set} />}
        </Paged>
      </Card>
    </>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }): ReactNode {
  if (isFiltered) return <Empty title="No entry matches these filters" />;
  return (
    <Empty title="Nothing was done yet">
      <p>Every administrative act, every decision and every call with effects outside will stand here.</p>
    </Empty>
  );
}

function Filter({
  name,
  label,
  hint,
  type = "text",
  value,
  onChange,
}: {
  name: string;
  label: string;
  hint?: string;
  type?: "text" | "date";
  value: string | null;
  onChange: (name: string, value: string) => void;
}): ReactNode {
  const field = useId();
  const [typed, setTyped] = useState<string | null>(null);
  function ask(): void {
    if (typed === null) return;
    setTyped(null);
    onChange(name, typed);
  }
  // A pause in the typing asks, and so does leaving the field; until then what was found stays.
  useEffect(() => {
    if (typed === null) return;
    const timer = window.setTimeout(ask, PAUSE_MS);
    return () => window.clearTimeout(timer);
  });
  return (
    <div className="field">
      <label htmlFor={field}>{label}</label>
      <input
        id={field}
        className="input input-auto"
        type={type}
        placeholder={hint}
        maxLength={200}
        max={type === "date" ? "9999-12-31" : undefined}
        value={typed ?? value ?? ""}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={ask}
      />
    </div>
  );
}

function Entries({
  entries,
  onFilter,
}: {
  entries: readonly AuditEntryView[];
  onFilter: (name: string, value: string) => void;
}): ReactNode {
  return (
    <TableBox label="Entries">
      <thead>
        <tr>
          <th className="number">No.</th>
          <th>When</th>
          <th>Who</th>
          <th>Did what</th>
          <th className="wide">To what</th>
          <th className="wide">Detail</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.seq}>
            <td className="number mono">{entry.seq}</td>
            <td>
              <When at={entry.at} />
            </td>
            <td>
              <button
                type="button"
                className="button button-plain button-left"
                title={`${entry.actor.kind} ${entry.actor.id}: show only what it did`}
                onClick={() => onFilter("actor", entry.actor.id)}
              >
                {entry.actor.name || shortId(entry.actor.id)}
              </button>
              <span className="muted small"> {entry.actor.kind}</span>
            </td>
            <td>
              <Status tone={toneOf(entry.action)}>{entry.action}</Status>
            </td>
            <td className="wide">
              <Subject entry={entry} />
            </td>
            <td className="wide">
              <Detail entry={entry} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function Subject({ entry }: { entry: AuditEntryView }): ReactNode {
  const [kind, id] = split(entry.subject);
  const page = pageOf(entry.action, entry.subject);
  const text = /^0+$/.test(id.replaceAll("-", "")) ? "" : shortId(id);
  return (
    <span className="id" title={entry.subject}>
      <span>{kind}&nbsp;</span>
      {page ? <Link to={page}>{text}</Link> : text}
      <Copy text={entry.subject} what="subject" />
    </span>
  );
}

function Detail({ entry }: { entry: AuditEntryView }): ReactNode {
  const text = shortDetail(entry.detail);
  return (
    <details className="audit-detail">
      <summary className="small muted">
        {text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text || "no more is known"}
      </summary>
      <Json value={entry.detail} />
      <p className="small muted mono wrap">{entry.hash}</p>
    </details>
  );
}

function Verification(): ReactNode {
  const { fail } = useToasts();
  const [isBusy, setBusy] = useState(false);
  const [report, setReport] = useState<AuditReportView | null>(null);
  async function verify(): Promise<void> {
    setBusy(true);
    try {
      setReport(await verifyAudit());
    } catch (error) {
      fail(error as Error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Card
      title="Is the log whole?"
      aside={
        <button type="button" className="button button-primary" disabled={isBusy} onClick={() => void verify()}>
          {isBusy ? "Reading all of it…" : "Verify"}
        </button>
      }
    >
      <div className="card-body stack" aria-live="polite">
        {report === null ? (
          <p className="muted">
            Every entry carries a hash over itself and the entry before. A verification reads all of them and names each
            one that was edited, moved, removed or cut off.
          </p>
        ) : (
          <Report report={report} />
        )}
      </div>
    </Card>
  );
}

function Report({ report }: { report: AuditReportView }): ReactNode {
  return (
    <>
      <p className="row">
        <Status tone={report.intact ? "ok" : "bad"}>{report.intact ? "intact" : "tampered with"}</Status>
        <span>
          {count(report.entries)} {report.entries === 1 ? "entry" : "entries"} read
          {!report.intact && `, ${plural(report.findings.length, "finding")}`}
        </span>
      </p>
      {report.findings.length > 0 && (
        <ul>
          {report.findings.map((finding) => (
            <li key={`${finding.damage} ${finding.first} ${finding.message}`}>
              <b>{finding.damage}</b>: {finding.message}
            </li>
          ))}
        </ul>
      )}
      {report.head && (
        <>
          <p className="small muted">
            The hash of the last entry, number {report.head.seq}. Note it elsewhere, and a log that is cut or written
            anew is found out:
          </p>
          <p className="code row">
            <code className="grow wrap">{report.head.hash}</code>
            <Copy text={report.head.hash} what="hash" />
          </p>
        </>
      )}
    </>
  );
}
