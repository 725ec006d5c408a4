import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { type Period, statisticsQuery } from "../api/statistics";
import { money } from "../budget/share";
import { Loaded } from "../components/states";
import { count, duration } from "../text/format";
import { Chart } from "./chart";
import { useRange } from "./range";
import { type Series, successRate, type Tone } from "./series";

/** What ended over time: runs, how well, how long, at which price. */
export function RunCharts(): ReactNode {
  const [range, chips] = useRange();
  const query = useQuery(statisticsQuery(range));
  return (
    <section className="stack" aria-label="Over time">
      <div className="section-head">
        <h2>Over time</h2>
        {chips}
      </div>
      <div className="charts">
        <Loaded query={query}>{(periods) => <Charts periods={periods} />}</Loaded>
      </div>
    </section>
  );
}

const percent = (value: number) => `${Math.round(value * 100)}%`;
const seconds = (value: number) => duration(value * 1000);

function Charts({ periods }: { periods: readonly Period[] }): ReactNode {
  const charts = useMemo(() => seriesOf(periods), [periods]);
  const { times } = charts;
  return (
    <>
      <Chart
        title="Runs that ended"
        times={times}
        series={charts.runs}
        kind="bars"
        to={{ path: "/runs", text: "Runs" }}
      />
      <Chart
        title="Success rate"
        hint="stopped runs are not counted"
        times={times}
        series={charts.success}
        kind="line"
        to={{ path: "/runs?status=failed", text: "Failed runs" }}
      />
      <Chart
        title="Tokens"
        times={times}
        series={charts.tokens}
        kind="bars"
        to={{ path: "/settings?tab=budget", text: "Budget" }}
      />
      <Chart
        title="Cost"
        hint={charts.hasCost ? "units of money" : "none without a price table"}
        times={times}
        series={charts.cost}
        kind="bars"
        to={{ path: "/settings?tab=budget", text: "Budget" }}
      />
      <Chart title="How long runs took" hint="from first claim to end" times={times} series={charts.took} kind="line" />
      <Chart
        title="Recoveries"
        hint="taken over from a lost worker, or resumed"
        times={times}
        series={charts.reclaimed}
        kind="bars"
        to={{ path: "/runs?status=stuck", text: "Stuck runs" }}
      />
      <Chart
        title="Evolution"
        hint="tools grown, and calls of them"
        times={times}
        series={charts.evolution}
        kind="line"
        sums={false}
        to={{ path: "/tools", text: "Tools" }}
      />
    </>
  );
}

function together(periods: readonly Period[]): Pick<Period, "succeeded" | "failed" | "budget_exhausted"> {
  const sum = (pick: (period: Period) => number) => periods.reduce((all, period) => all + pick(period), 0);
  return {
    succeeded: sum((period) => period.succeeded),
    failed: sum((period) => period.failed),
    budget_exhausted: sum((period) => period.budget_exhausted),
  };
}

function seriesOf(periods: readonly Period[]) {
  const of = (name: string, tone: Tone, pick: (period: Period) => number | null, show = count): Series => ({
    name,
    tone,
    values: periods.map(pick),
    show,
  });
  return {
    times: periods.map((period) => period.at),
    hasCost: periods.some((period) => period.cost_micros > 0),
    runs: [
      of("succeeded", "ok", (period) => period.succeeded),
      of("failed", "bad", (period) => period.failed),
      of("out of budget", "violet", (period) => period.budget_exhausted),
      of("cancelled", "quiet", (period) => period.cancelled),
    ],
    success: [{ ...of("succeeded", "ok", successRate, percent), overall: successRate(together(periods)) }],
    tokens: [of("tokens", "busy", (period) => period.tokens)],
    cost: [of("cost", "wait", (period) => period.cost_micros, money)],
    took: [
      of("half of them", "busy", (period) => period.took_p50_s, seconds),
      of("slowest 5%", "wait", (period) => period.took_p95_s, seconds),
    ],
    reclaimed: [of("runs", "wait", (period) => period.reclaimed)],
    evolution: [of("tools", "violet", (period) => period.tools), of("calls", "ok", (period) => period.tool_uses)],
  };
}
