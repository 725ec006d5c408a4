import type { ReactNode } from "react";
import { count } from "../text/format";
import { shareOf } from "./share";

/** What is used of a bound, as words and as a bar; without a bound only what is used. */
export function Meter({
  name,
  used,
  bound,
  show = count,
}: {
  name: string;
  used: number;
  bound: number | null | undefined;
  show?: (value: number) => string;
}): ReactNode {
  if (bound == null) {
    return (
      <div className="meter">
        <span className="meter-name">{name}</span>
        <b>{show(used)}</b>
        <span className="muted small">no bound</span>
      </div>
    );
  }
  const share = shareOf(used, bound);
  return (
    <div className={`meter meter-${share.tone}`}>
      <span className="meter-name">{name}</span>
      <b>
        {show(share.left)} <span className="muted">left</span>
      </b>
      <progress aria-label={`${name} used`} value={Math.min(used, bound)} max={Math.max(bound, 1e-9)} />
      <span className="muted small">
        {show(used)} of {show(bound)}
      </span>
    </div>
  );
}
