import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { RANGES, type Range } from "../api/statistics";

/** How far back the charts of a page reach; it lives in the address. */
export function useRange(): [Range, ReactNode] {
  const [params, setParams] = useSearchParams();
  const asked = params.get("range") ?? "";
  const range: Range = asked in RANGES ? (asked as Range) : "day";
  const choose = (name: Range) => {
    const next = new URLSearchParams(params);
    next.set("range", name);
    setParams(next, { replace: true, preventScrollReset: true });
  };
  const chips = (
    <fieldset className="filters" aria-label="Range of the charts">
      {(Object.keys(RANGES) as Range[]).map((name) => (
        <button key={name} type="button" className="chip" aria-pressed={name === range} onClick={() => choose(name)}>
          {RANGES[name].text}
        </button>
      ))}
    </fieldset>
  );
  return [range, chips];
}
