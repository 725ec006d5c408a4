import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import { readEvents, sessionQuery } from "../api/queries";
import { TAIL } from "../early";
import { emptyLog, logOf, reduceLog, type SessionLog } from "./reducer";
import { type ConnectionState, SessionSocket } from "./socket";

const EARLIER = 1_000;
const RESYNC_MS = 300;

export interface LiveLog {
  readonly log: SessionLog;
  readonly connection: ConnectionState;
  /** What kept the first read from succeeding. */
  readonly error: Error | null;
  readonly isLoaded: boolean;
  readonly loadEarlier: () => Promise<void>;
  readonly reconnect: () => void;
}

/**
 * One session's log: its tail over REST, then everything above it over the WebSocket, resumed by cursor.
 * Ends of runs refresh the cached runs and the session, of which REST stays the truth.
 */
export function useSessionLog(sessionId: string): LiveLog {
  const [log, dispatch] = useReducer(reduceLog, undefined, () => emptyLog());
  const [connection, setConnection] = useState<ConnectionState>({ kind: "connecting" });
  const [error, setError] = useState<Error | null>(null);
  const [isLoaded, setLoaded] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const cursor = useRef(0);
  const socket = useRef<SessionSocket | null>(null);
  const client = useQueryClient();
  cursor.current = log.cursor;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt reads everything again
  useEffect(() => {
    let gone = false;
    setLoaded(false);
    setError(null);
    async function start(): Promise<void> {
      const tail = await readTail(client, sessionId);
      if (gone) return;
      cursor.current = tail.cursor;
      dispatch({ kind: "reset", log: tail });
      setLoaded(true);
      const opened = new SessionSocket(sessionId, {
        cursor: () => cursor.current,
        onState: setConnection,
        onFrames: (frames) => {
          dispatch({ kind: "frames", sessionId, frames });
          if (frames.some((frame) => frame.type === "event" && frame.event.type.startsWith("run."))) {
            void client.invalidateQueries({ queryKey: ["runs"] });
          }
        },
      });
      socket.current = opened;
      opened.open();
    }
    start().catch((failure: unknown) => {
      if (!gone) setError(failure instanceof Error ? failure : new Error(String(failure)));
    });
    return () => {
      gone = true;
      socket.current?.close();
      socket.current = null;
    };
  }, [sessionId, client, attempt]);

  useEffect(() => {
    if (!log.stale) return;
    const timer = window.setTimeout(() => {
      dispatch({ kind: "reconnected" });
      socket.current?.reconnect();
    }, RESYNC_MS);
    return () => window.clearTimeout(timer);
  }, [log.stale]);

  const loadEarlier = useCallback(async () => {
    const base = Math.max(0, log.base - EARLIER);
    const events = await readEvents(sessionId, base, Math.max(1, log.base - base));
    dispatch({ kind: "earlier", events, base });
  }, [sessionId, log.base]);
  const reconnect = useCallback(() => {
    if (socket.current) socket.current.reconnect();
    else setAttempt((count) => count + 1);
  }, []);
  return { log, connection, error, isLoaded, loadEarlier, reconnect };
}

async function readTail(client: QueryClient, sessionId: string): Promise<SessionLog> {
  // The page around the conversation reads the session, too: one answer serves both.
  const { last_seq } = await client.fetchQuery(sessionQuery(sessionId));
  const base = Math.max(0, last_seq - TAIL);
  const events = await readEvents(sessionId, base, TAIL);
  return logOf(events, base);
}
