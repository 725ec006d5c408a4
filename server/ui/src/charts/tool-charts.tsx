import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { type Period, statisticsQuery } from "../api/statistics";
import { Loaded } from "../components/states";
import { count } from "../text/format";
import { Chart } from "./chart";
import { useRange } from "./range";
import type { Series, Tone } from "./series";

/** How the library grew, and how much runs made of it. */
export function ToolCharts(): ReactNode {
  const [range, chips] = useRange();
  const query = useQuery(statisticsQuery(range));
  return (
    <section className="stack" aria-label="Growth and reuse">
      <div className="section-head">
        <h2>Growth and reuse</h2>
        {chips}
      </div>
      <div className="charts">
        <Loaded query={query}>{(periods) => <Charts periods={periods} />}</Loaded>
      </div>
    </section>
  );
}

function Charts({ periods }: { periods: readonly Period[] }): ReactNode {
  const charts = useMemo(() => seriesOf(periods), [periods]);
  return (
    <>
      <Chart
        title="Tools that ever became active"
        times={charts.times}
        series={charts.growth}
        kind="steps"
        sums={false}
      />
      <Chart title="Calls of grown tools" times={charts.times} series={charts.calls} kind="bars" />
      <Chart
        title="Runs that used a grown tool"
        hint="of all that ended"
        times={charts.times}
        series={charts.reuse}
        kind="line"
        sums={false}
      />
    </>
  );
}

function seriesOf(periods: readonly Period[]) {
  const of = (name: string, tone: Tone, pick: (period: Period) => number | null, show = count): Series => ({
    name,
    tone,
    values: periods.map(pick),
    show,
  });
  const ended = (period: Period) => period.succeeded + period.failed + period.cancelled + period.budget_exhausted;
  return {
    times: periods.map((period) => period.at),
    growth: [of("tools", "violet", (period) => period.tools)],
    calls: [
      of("went well", "ok", (period) => period.tool_uses - period.tool_failures),
      of("failed", "bad", (period) => period.tool_failures),
    ],
    reuse: [
      of(
        "share",
        "violet",
        (period) => (ended(period) === 0 ? null : period.tool_runs / ended(period)),
        (value) => `${Math.round(value * 100)}%`,
      ),
    ],
  };
}
