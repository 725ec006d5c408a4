import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { useWidth } from "../components/use-width";
import { duration } from "../text/format";
import { ticks } from "./scale";
import type { Span } from "./span";
import { spentWords } from "./spent";

const ROW = 24;
const HEAD = 24;
const TIME = 74;
const SPENT = 150; // pixels for tokens and cost, where there is room
const ROOMY = 900;
const SMALLEST_BAR = 3;

/** What happened when, one row each; arrow keys move, Enter or a click opens the events behind a row. */
export function Waterfall({
  spans,
  now,
  selected,
  onSelect,
}: {
  spans: readonly Span[];
  now: number;
  selected: string | null;
  onSelect: (key: string) => void;
}): ReactNode {
  const [box, width] = useWidth<HTMLDivElement>();
  const svg = useRef<SVGSVGElement>(null);
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(start + 1, ...spans.map((span) => span.end ?? now));
  const full = Math.max(560, width);
  const names = full < 700 ? 190 : 280;
  const spent = full < ROOMY ? 0 : SPENT;
  const plot = full - names - spent - TIME - 12;
  const x = (at: number) => names + ((at - start) / (end - start)) * plot;
  const height = HEAD + spans.length * ROW + 4;

  function onKey(event: KeyboardEvent, index: number): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const target = spans[index + step];
    if (step !== 0 && target) {
      onSelect(target.key);
      svg.current?.querySelectorAll<SVGGElement>(".wf-row")[index + step]?.focus();
    } else if (event.key === "Enter" || event.key === " ") onSelect(spans[index]?.key ?? "");
    else return;
    event.preventDefault();
  }
  const reachable = selected ?? spans[0]?.key;
  return (
    <div ref={box} className="scroll">
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no element for a group of buttons */}
      <svg ref={svg} className="waterfall" width={full} height={height} role="group" aria-label="Timeline of the run">
        {ticks(end - start, Math.max(2, Math.floor(plot / 90))).map((offset) => (
          <g key={offset}>
            <line className="grid" x1={x(start + offset)} x2={x(start + offset)} y1={HEAD - 4} y2={height} />
            <text className="tick" x={x(start + offset) + 3} y={14}>
              {offset === 0 ? "0" : duration(offset)}
            </text>
          </g>
        ))}
        {spans.map((span, index) => (
          // biome-ignore lint/a11y/useSemanticElements: SVG has no button
          <g
            key={span.key}
            className="wf-row"
            role="button"
            tabIndex={span.key === reachable ? 0 : -1}
            aria-pressed={span.key === selected}
            aria-description={[span.version, spentWords(span), span.detail].filter(Boolean).join("; ") || undefined}
            onClick={() => onSelect(span.key)}
            onKeyDown={(event) => onKey(event, index)}
          >
            <rect className="hit" x={1} y={HEAD + index * ROW} width={full - 2} height={ROW} rx={4} />
            <text x={8 + span.depth * 14} y={HEAD + index * ROW + 16}>
              {fitting(span.label, names - 16 - span.depth * 14)}
            </text>
            <Bar span={span} x={x} y={HEAD + index * ROW + 6} now={now} />
            {spent > 0 && (
              <text className="time" x={full - TIME - 8} y={HEAD + index * ROW + 16} textAnchor="end">
                {spentWords(span)}
              </text>
            )}
            <text className="time" x={full - 8} y={HEAD + index * ROW + 16} textAnchor="end">
              {length(span, now)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function Bar({ span, x, y, now }: { span: Span; x: (at: number) => number; y: number; now: number }): ReactNode {
  const end = span.end ?? now;
  const left = x(span.start);
  const tone = `wf-${span.state === "failed" ? "failed" : span.kind}${span.state === "running" ? " wf-running" : ""}`;
  if (span.end !== null && span.end <= span.start) {
    return <path className={tone} d={`M${left} ${y}l6 6l-6 6l-6 -6z`} />;
  }
  const width = Math.max(SMALLEST_BAR, x(end) - left);
  if (span.first === null) return <rect className={tone} x={left} y={y} width={width} height={12} rx={3} />;
  const waited = Math.min(width, Math.max(0, x(span.first) - left));
  return (
    <>
      <rect className="wf-first" x={left} y={y} width={width} height={12} rx={3} />
      <rect
        className={tone}
        x={left + waited}
        y={y}
        width={Math.max(SMALLEST_BAR, width - waited)}
        height={12}
        rx={3}
      />
    </>
  );
}

/** How long a span lasted; marks have no length. */
export function length(span: Span, now: number): string {
  if (span.end === null) return `${duration(now - span.start)}…`;
  return span.end > span.start ? duration(span.end - span.start) : "";
}

const CHARACTER = 6.9; // pixels, on average

function fitting(text: string, width: number): string {
  const room = Math.floor(width / CHARACTER);
  return text.length > room ? `${text.slice(0, Math.max(1, room - 1))}…` : text;
}
