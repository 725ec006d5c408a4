import type { ReactNode } from "react";
import type { ConnectionState } from "../live/socket";
import { duration } from "../text/format";
import { useNow } from "./clock";
import { Status } from "./status";

/** Whether this page is live, and up to which event. */
export function Connection({
  state,
  cursor,
  onReconnect,
}: {
  state: ConnectionState;
  cursor: number;
  onReconnect: () => void;
}): ReactNode {
  return (
    <div className="connection" role="status">
      <State state={state} />
      <span title="number of the last event that this page has">
        cursor <span className="mono">#{cursor}</span>
      </span>
      {(state.kind === "waiting" || state.kind === "ended") && (
        <button type="button" className="button button-plain" onClick={onReconnect}>
          Reconnect now
        </button>
      )}
    </div>
  );
}

function State({ state }: { state: ConnectionState }): ReactNode {
  switch (state.kind) {
    case "live":
      return <Status tone="ok">live</Status>;
    case "connecting":
      return <Status tone="wait">connecting</Status>;
    case "waiting":
      return <Waiting retryAt={state.retryAt} />;
    case "ended":
      return <Status tone="bad">{`ended: ${state.reason || `code ${state.code}`}`}</Status>;
  }
}

function Waiting({ retryAt }: { retryAt: number }): ReactNode {
  const now = useNow();
  const left = Math.max(0, retryAt - now);
  return <Status tone="wait">{`reconnecting${left > 1000 ? ` in ${duration(left)}` : ""}; nothing is lost`}</Status>;
}
