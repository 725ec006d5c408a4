import type { ReactNode } from "react";
import { Link } from "react-router";
import type { MemoryView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { countedLabel } from "../labels/levels";
import { Marks } from "../labels/marks-view";
import { clipped } from "../text/format";
import { tame } from "../text/visible";
import { byDay } from "./days";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** What agents lived through, day by day. */
export function MemoryTimeline({ memories }: { memories: readonly MemoryView[] }): ReactNode {
  return (
    <div className="days card-body">
      {byDay(memories).map(({ day, items }) => (
        <section key={day} aria-label={day}>
          <h3>{day}</h3>
          <ol>
            {items.map((memory) => (
              <li key={memory.id}>
                <time dateTime={memory.occurred_at} className="muted small">
                  {CLOCK.format(new Date(memory.occurred_at))}
                </time>
                <div>
                  <Link to={`/memory/${memory.id}`}>{tame(memory.title)}</Link> <Marks label={countedLabel(memory)} />
                  <p className="muted small wrap">{tame(clipped(memory.content, 280))}</p>
                  <span className="muted small">
                    {memory.kind} of <AgentName id={memory.agent_id} />, <Link to={`/runs/${memory.run_id}`}>run</Link>,{" "}
                    <Link to={`/sessions/${memory.session_id}`}>session</Link>
                  </span>
                </div>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}
