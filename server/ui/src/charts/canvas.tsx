import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { count } from "../text/format";
import { compact, type Series, stacked } from "./series";
import { useInk } from "./use-ink";

export interface CanvasProps {
  readonly times: readonly string[];
  readonly series: readonly Series[];
  readonly kind: "bars" | "line" | "steps";
  readonly height: number;
  /** The place that the pointer is over, or null. */
  readonly onPoint: (index: number | null) => void;
}

const BAR = 0.72; // of a period's width
const WIDEST_BAR = 28; // pixels

/** Numbers over time on a canvas; the words and the table around it are for everybody else. */
export default function Canvas({ times, series, kind, height, onPoint }: CanvasProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const point = useRef(onPoint);
  point.current = onPoint;
  const ink = useInk();
  const names = series.map((each) => each.name).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours follow the theme; numbers are set below
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const plot = new uPlot(
      optionsOf(series, kind, height, element, (index) => point.current(index)),
      [[0]],
      element,
    );
    plots.set(element, plot);
    plot.setData(dataOf(times, series, kind));
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== plot.width) plot.setSize({ width, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plots.delete(element);
      plot.destroy();
    };
  }, [ink, kind, height, names]);

  useEffect(() => {
    const plot = box.current && plots.get(box.current);
    plot?.setData(dataOf(times, series, kind));
  }, [times, series, kind]);

  return <div ref={box} aria-hidden="true" className={`chart-${height}`} />;
}

const plots = new WeakMap<Element, uPlot>();

function dataOf(times: readonly string[], series: readonly Series[], kind: CanvasProps["kind"]): uPlot.AlignedData {
  const x = times.map((at) => Date.parse(at) / 1000);
  const rows = series.map((each) => each.values);
  // Stacked bars are drawn from the tallest down, so that each covers what is not its own.
  const shown = kind === "bars" ? stacked(rows).reverse() : rows.map((row) => [...row]);
  return [x, ...shown];
}

function optionsOf(
  series: readonly Series[],
  kind: CanvasProps["kind"],
  height: number,
  element: Element,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("muted"), font: `11px ${colour("sans")}`, grid: { stroke: colour("line"), width: 1 } };
  const drawn = kind === "bars" ? [...series].reverse() : series;
  const isOneDay = 26 * 3600;
  const drawnPeriods = series[0]?.values.length ?? 1;
  return {
    width: Math.max(200, Math.floor(element.clientWidth)),
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== "bars" } },
    scales: {
      x: { range: (_plot, low, high) => (kind === "bars" ? padded(low, high, drawnPeriods) : [low, high]) },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        values: (plot, ticks) => {
          const { min = 0, max = 0 } = plot.scales["x"] ?? {};
          return ticks.map((tick) => tickText(tick * 1000, (max ?? 0) - (min ?? 0) <= isOneDay));
        },
        space: 64,
        size: 26,
      },
      {
        ...axis,
        ticks: { show: false },
        size: 46,
        values: (plot, ticks) => {
          const isEmpty = plot.data.slice(1).every((row) => [...row].every((value) => !value));
          return ticks.map((tick) => (isEmpty && tick !== 0 ? "" : axisText(series[0], tick)));
        },
        ...(series[0]?.show === count ? { incrs: WHOLE } : {}),
      },
    ],
    series: [
      {},
      ...drawn.map((each) => ({
        label: each.name,
        stroke: colour(each.tone),
        width: kind === "bars" ? 0 : 2,
        points: { show: kind === "line", size: 4 },
        ...(kind === "line" ? {} : { fill: kind === "bars" ? colour(each.tone) : colour(`${each.tone}-soft`) }),
        ...(pathsOf(kind) ? { paths: pathsOf(kind) as uPlot.Series.PathBuilder } : {}),
      })),
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  };
}

function pathsOf(kind: CanvasProps["kind"]): uPlot.Series.PathBuilder | undefined {
  if (kind === "bars") return uPlot.paths.bars?.({ size: [BAR, WIDEST_BAR], radius: 0.12 });
  return kind === "steps" ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
}

/** Whole big numbers are shortened; rates and times are written as their series writes them. */
function axisText(series: Series | undefined, tick: number): string {
  if (tick === 0) return "0";
  return series === undefined || series.show === count ? compact(tick) : series.show(tick);
}

/** Room for half a bar on both sides. */
function padded(low: number, high: number, periods: number): [number, number] {
  const half = periods > 1 ? (high - low) / (periods - 1) / 2 : 1_800;
  return [low - half, high + half];
}

const WHOLE = [1, 2, 5]
  .flatMap((step) => Array.from({ length: 13 }, (_, power) => step * 10 ** power))
  .sort((a, b) => a - b);

function tickText(ms: number, isShort: boolean): string {
  return (isShort ? HOUR : DAY).format(ms);
}

const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
