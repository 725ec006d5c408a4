import { lazy, type ReactNode, Suspense, useState } from "react";
import { Link } from "react-router";
import { Card, TableBox } from "../components/page";
import { Copy } from "../components/values";
import { absolute } from "../text/format";
import type { CanvasProps } from "./canvas";
import { last, type Series, total, tsv } from "./series";

const Canvas = lazy(() => import("./canvas"));
const HEIGHT = 150;

/** A chart with its legend, and the table behind it. `sums` says whether a range's numbers add up to something. */
export function Chart({
  title,
  hint,
  times,
  series,
  kind,
  sums = kind === "bars",
  to,
}: {
  title: string;
  hint?: string;
  times: readonly string[];
  series: readonly Series[];
  kind: CanvasProps["kind"];
  sums?: boolean;
  /** Where what is counted stands in a list. */
  to?: { readonly path: string; readonly text: string };
}): ReactNode {
  const [asTable, setAsTable] = useState(false);
  const [index, setIndex] = useState<number | null>(null);
  return (
    <Card
      title={title}
      aside={
        <span className="row">
          {to && (
            <Link className="small" to={to.path}>
              {to.text}
            </Link>
          )}
          <Copy text={tsv(times, series)} what={`${title} as a table`} />
          <button
            type="button"
            className="button button-plain small"
            aria-pressed={asTable}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? "Picture" : "Table"}
            <span className="visually-hidden"> of {title}</span>
          </button>
        </span>
      }
    >
      <div className="chart">
        <p className="chart-legend">
          {series.map((each) => (
            <span key={each.name} className={`key key-${each.tone}`}>
              {each.name} <b>{valueText(each, index, sums)}</b>
            </span>
          ))}
          <span className="muted chart-at">{index === null ? hint : absolute(times[index] ?? 0)}</span>
        </p>
        {asTable ? (
          <NumberTable title={title} times={times} series={series} />
        ) : (
          <Suspense fallback={<div className={`chart-${HEIGHT}`} />}>
            <Canvas times={times} series={series} kind={kind} height={HEIGHT} onPoint={setIndex} />
          </Suspense>
        )}
      </div>
    </Card>
  );
}

function valueText(series: Series, index: number | null, sums: boolean): string {
  const value = index === null ? wholeRange(series, sums) : series.values[index];
  return value == null ? "–" : series.show(value);
}

function wholeRange(series: Series, sums: boolean): number | null {
  if (series.overall !== undefined) return series.overall;
  return sums ? total(series.values) : last(series.values);
}

function NumberTable({
  title,
  times,
  series,
}: {
  title: string;
  times: readonly string[];
  series: readonly Series[];
}): ReactNode {
  const newestFirst = times.map((at, index) => ({ at, index })).reverse();
  return (
    <div className="chart-table">
      <TableBox label={`${title} as a table`}>
        <thead>
          <tr>
            <th>From</th>
            {series.map((each) => (
              <th key={each.name} className="number">
                {each.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {newestFirst.map(({ at, index }) => (
            <tr key={at}>
              <td>{absolute(at)}</td>
              {series.map((each) => (
                <td key={each.name} className="number">
                  {valueText(each, index, false)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </TableBox>
    </div>
  );
}
