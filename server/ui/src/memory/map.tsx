import { type ReactNode, useMemo, useState } from "react";
import { Link } from "react-router";
import type { MemoryView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { useWidth } from "../components/use-width";
import { clipped } from "../text/format";
import { tame } from "../text/visible";
import { layOut, type Place } from "./layout";

const HEIGHT = 420;
const EDGE = 26;
const LABELLED = 24; // so many points still have room for their titles
const TONES = 6;

/** Memories as points, those with words in common near each other; one colour an agent. */
export function MemoryMap({ memories }: { memories: readonly MemoryView[] }): ReactNode {
  const [box, width] = useWidth<HTMLDivElement>();
  const places = useMemo(() => layOut(memories), [memories]);
  const agents = useMemo(() => [...new Set(memories.map((memory) => memory.agent_id))], [memories]);
  const [looked, setLooked] = useState<MemoryView | null>(null);
  const at = (place: Place) => ({
    x: EDGE + place.x * (Math.max(320, width) - 2 * EDGE),
    y: EDGE + place.y * (HEIGHT - 2 * EDGE),
  });
  return (
    <>
      <div className="card-body row small">
        {agents.slice(0, TONES).map((agent, index) => (
          <span key={agent} className={`dot dot-${index}`}>
            <AgentName id={agent} />
          </span>
        ))}
        {agents.length > TONES && <span className="muted">and {agents.length - TONES} more</span>}
      </div>
      <div ref={box} className="scroll">
        {/* biome-ignore lint/a11y/useSemanticElements: SVG has no element for a group of links */}
        <svg className="map" width={Math.max(320, width)} height={HEIGHT} role="group" aria-label="Map of memories">
          {memories.map((memory, index) => {
            const { x, y } = at(places[index] ?? { x: 0.5, y: 0.5 });
            const isRight = x > Math.max(320, width) / 2;
            return (
              <Link
                key={memory.id}
                to={`/memory/${memory.id}`}
                aria-label={tame(memory.title)}
                onMouseEnter={() => setLooked(memory)}
                onFocus={() => setLooked(memory)}
              >
                <circle cx={x} cy={y} r={7} className={`dot-${Math.min(agents.indexOf(memory.agent_id), TONES - 1)}`}>
                  <title>{tame(memory.title)}</title>
                </circle>
                {memories.length <= LABELLED && (
                  <text x={isRight ? x - 12 : x + 12} y={y + 4} textAnchor={isRight ? "end" : "start"}>
                    {tame(clipped(memory.title, 34))}
                  </text>
                )}
              </Link>
            );
          })}
        </svg>
      </div>
      <p className="card-body small map-look" aria-live="polite">
        {looked === null ? (
          <span className="muted">
            Point at a memory to read it here. Where two stand near each other, they share words.
          </span>
        ) : (
          <>
            <b>{tame(looked.title)}</b> <span className="muted">{tame(clipped(looked.content, 240))}</span>
          </>
        )}
      </p>
    </>
  );
}
