import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { runQuery } from "../api/queries";
import type { Event } from "../api/schema.gen";
import { activeRun, buildTurns, keepTurns, type Turn } from "../live/conversation";
import type { LiveLog } from "../live/use-session-log";
import { useSessionLog } from "../live/use-session-log";
import { useCan } from "../shell/me";
import { count } from "../text/format";
import { CancelRun } from "./cancel-run";
import { TurnView } from "./chat";
import { Composer } from "./composer";
import { Connection } from "./connection";
import { PauseRun } from "./pause-run";
import { Empty, Failure, Loading } from "./states";

const NEAR_END = 120; // pixels from the end, within which the page follows new text
const POLL_MS = 2_000;
const NOTHING: readonly string[] = [];

/** A conversation, live, with the means to go on with it; `follows` keeps the end of the page in view. */
export function Talk({ sessionId, follows = false }: { sessionId: string; follows?: boolean }): ReactNode {
  const live = useSessionLog(sessionId);
  const can = useCan();
  const { log } = live;
  const turns = useTurns(log.events);
  const writing = useMemo(() => [...log.partials.values()].map((each) => each.text).filter(Boolean), [log.partials]);
  const active = activeRun(turns);
  useFollowEnd(follows, log.cursor, writing.join("").length);
  if (live.error) return <Failure error={live.error} retry={live.reconnect} />;
  if (!live.isLoaded) return <Loading what="Loading the conversation" />;
  return (
    <>
      <section className="chat" aria-label="Conversation">
        <Earlier live={live} />
        {log.gaps.map((gap) => (
          <p key={gap.from} className="gap-mark">
            Events {gap.from} to {gap.to} are no longer kept: {gap.reason}
          </p>
        ))}
        {turns.length === 0 && (
          <Empty title="Nothing has been said yet">
            <p>The first message starts a run.</p>
          </Empty>
        )}
        {turns.map((turn) => (
          <TurnView
            key={turn.key}
            sessionId={sessionId}
            turn={turn}
            live={turn.runId !== null && turn.runId === active ? writing : NOTHING}
          />
        ))}
      </section>
      <div className="composer">
        <div className="row">
          <span className="grow">
            <Connection state={live.connection} cursor={log.cursor} onReconnect={live.reconnect} />
          </span>
          {active && <StopActive runId={active} />}
        </div>
        {can("runs:write") && <Composer sessionId={sessionId} active={active} asks={follows} />}
      </div>
    </>
  );
}

function Earlier({ live }: { live: LiveLog }): ReactNode {
  if (live.log.base === 0) return null;
  return (
    <button type="button" className="button" onClick={() => void live.loadEarlier()}>
      Show earlier events ({count(live.log.base)})
    </button>
  );
}

function StopActive({ runId }: { runId: string }): ReactNode {
  const run = useQuery({ ...runQuery(runId), refetchInterval: POLL_MS });
  return run.data ? (
    <>
      <PauseRun run={run.data} big />
      <CancelRun run={run.data} big />
    </>
  ) : null;
}

function useTurns(events: readonly Event[]): readonly Turn[] {
  const before = useRef<readonly Turn[]>([]);
  return useMemo(() => {
    before.current = keepTurns(before.current, buildTurns(events));
    return before.current;
  }, [events]);
}

/** Keep the end in view, unless the reader has scrolled away from it. */
function useFollowEnd(isOn: boolean, cursor: number, length: number): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    function onScroll(): void {
      const { scrollHeight } = document.documentElement;
      isAtEnd.current = scrollHeight - window.scrollY - window.innerHeight < NEAR_END;
    }
    window.addEventListener("scroll", onScroll, { passive: true });
    return () => window.removeEventListener("scroll", onScroll);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new events and new text move the end
  useEffect(() => {
    if (isOn && isAtEnd.current) window.scrollTo(0, document.documentElement.scrollHeight);
  }, [isOn, cursor, length]);
}
