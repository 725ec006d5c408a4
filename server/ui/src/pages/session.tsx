import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api } from "../api/client";
import { runQuery, sessionQuery } from "../api/queries";
import type { SessionView } from "../api/schema.gen";
import { SessionBudget } from "../budget/session-budget";
import { AgentName } from "../components/agent-name";
import { CancelRun } from "../components/cancel-run";
import { TurnView } from "../components/chat";
import { Composer } from "../components/composer";
import { Connection } from "../components/connection";
import { Confirm } from "../components/dialog";
import { Page } from "../components/page";
import { PauseRun } from "../components/pause-run";
import { Empty, Failure, Loaded, Loading } from "../components/states";
import { useToasts } from "../components/toasts";
import { Id } from "../components/values";
import { activeRun, buildTurns } from "../live/conversation";
import type { LiveLog } from "../live/use-session-log";
import { useSessionLog } from "../live/use-session-log";
import { useCan } from "../shell/me";
import { count, shortId } from "../text/format";

const NEAR_END = 120; // pixels from the end, within which the page follows new text
const POLL_MS = 2_000;
const NOTHING: readonly string[] = [];

export default function Session(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(sessionQuery(id));
  return (
    <Loaded query={query}>
      {(session) => (
        <Page
          title={session.title || `Session ${shortId(id)}`}
          crumb={{ to: "/sessions", text: "Sessions" }}
          actions={<Actions session={session} />}
        >
          <div className="row small muted">
            <span>
              with <AgentName id={session.agent_id} />
            </span>
            <Id id={session.id} what="session id" />
            <Link to={`/runs?session=${session.id}`}>its runs</Link>
            <SessionBudget id={session.id} />
          </div>
          <Talk key={id} sessionId={id} />
        </Page>
      )}
    </Loaded>
  );
}

function Actions({ session }: { session: SessionView }): ReactNode {
  const can = useCan();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  if (!can("sessions:write")) return null;
  async function remove(): Promise<void> {
    try {
      await api.DELETE("/v1/sessions/{session_id}", { params: { path: { session_id: session.id } } });
      await navigate("/sessions");
      await client.invalidateQueries({ queryKey: ["sessions"] });
      tell("The session was deleted");
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <Confirm
      label="Delete"
      title="Delete this session?"
      detail="Its log, its runs and the memories made of it are gone for good."
      onConfirm={remove}
    />
  );
}

function Talk({ sessionId }: { sessionId: string }): ReactNode {
  const live = useSessionLog(sessionId);
  const can = useCan();
  const { log } = live;
  const turns = useMemo(() => buildTurns(log.events), [log.events]);
  const writing = useMemo(() => [...log.partials.values()].map((each) => each.text).filter(Boolean), [log.partials]);
  const active = activeRun(turns);
  useFollowEnd(log.cursor, writing.join("").length);
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
        {can("runs:write") && <Composer sessionId={sessionId} />}
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

/** Keep the end in view, unless the reader has scrolled away from it. */
function useFollowEnd(cursor: number, length: number): void {
  const follows = useRef(true);
  useEffect(() => {
    function onScroll(): void {
      const { scrollHeight } = document.documentElement;
      follows.current = scrollHeight - window.scrollY - window.innerHeight < NEAR_END;
    }
    window.addEventListener("scroll", onScroll, { passive: true });
    return () => window.removeEventListener("scroll", onScroll);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new events and new text move the end
  useEffect(() => {
    if (follows.current) window.scrollTo(0, document.documentElement.scrollHeight);
  }, [cursor, length]);
}
