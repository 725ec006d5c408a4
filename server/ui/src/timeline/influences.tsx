import type { ReactNode } from "react";
import type { Event } from "../api/schema.gen";
import { Card } from "../components/page";
import { clipped } from "../text/format";
import { Recalled } from "./span-detail";

const LONG = 160; // characters of a query

/** What memory gave to this run, with scores and reasons: what influenced its answers. */
export function Influences({ events }: { events: readonly Event[] }): ReactNode {
  const recalls = events.flatMap(({ seq, step, payload }) =>
    payload.type === "memory.recalled" ? [{ seq, step, payload }] : [],
  );
  if (recalls.length === 0) return null;
  return (
    <Card title="What memory gave it">
      <div className="card-body stack">
        {recalls.map(({ seq, step, payload }) => (
          <section key={seq} className="stack" aria-label={`Recall at event ${seq}`}>
            <p className="small muted">
              {step === 0 ? "Before the first step" : `In step ${step}`}, asked for “{clipped(payload.query, LONG)}”
            </p>
            <Recalled recall={payload} />
          </section>
        ))}
      </div>
    </Card>
  );
}
