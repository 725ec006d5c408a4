import { type ReactNode, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import type { Event } from "../api/schema.gen";
import { useNow } from "../components/clock";
import { Empty } from "../components/states";
import { buildTimeline } from "./build";
import { SpanDetail } from "./span-detail";
import { SpanTable } from "./span-table";
import { Waterfall } from "./waterfall";

/** What a run did, as a picture or as a table, with the events behind the chosen row; the choice lives in the address. */
export function RunTimeline({ events, isActive }: { events: readonly Event[]; isActive: boolean }): ReactNode {
  const [params, setParams] = useSearchParams();
  const [asTable, setAsTable] = useState(false);
  const ticking = useNow();
  const spans = useMemo(() => buildTimeline(events, { active: isActive }), [events, isActive]);
  const now = isActive ? ticking : Date.parse(events.at(-1)?.at ?? "0");
  const selected = params.get("at");
  const behind = useMemo(() => {
    const seqs = new Set(spans.find((span) => span.key === selected)?.seqs);
    return events.filter((event) => seqs.has(event.seq));
  }, [spans, selected, events]);
  if (spans.length === 0) return <Empty title="Nothing has happened yet" />;
  function select(key: string): void {
    const next = new URLSearchParams(params);
    next.set("at", key);
    setParams(next, { replace: true, preventScrollReset: true });
  }
  return (
    <>
      <div className="card-body row">
        <Legend />
        <span className="grow" />
        <button type="button" className="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? "Show the picture" : "Show as a table"}
        </button>
      </div>
      {asTable ? (
        <SpanTable spans={spans} now={now} onSelect={select} />
      ) : (
        <Waterfall spans={spans} now={now} selected={selected} onSelect={select} />
      )}
      {behind.length > 0 ? (
        <SpanDetail events={behind} forks />
      ) : (
        <p className="card-body muted small">Choose a row to see the events behind it.</p>
      )}
    </>
  );
}

function Legend(): ReactNode {
  return (
    <div className="legend" aria-hidden="true">
      {["queue", "model", "tool", "memory", "capability", "approval", "failed"].map((kind) => (
        <span key={kind}>
          <i className={`i-${kind}`} />
          {kind}
        </span>
      ))}
    </div>
  );
}
