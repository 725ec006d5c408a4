import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { runEventsQuery } from "../api/queries";
import type { Event, RunView, ServerFrame } from "../api/schema.gen";
import { ACTIVE } from "../components/status";
import { SessionSocket } from "./socket";

/** One run's events: read over REST; while the run was seen active, its session's stream adds to them. */
export function useRunEvents(run: RunView) {
  const query = useQuery(runEventsQuery(run.id));
  const client = useQueryClient();
  const [wasActive, setWasActive] = useState(ACTIVE.has(run.status));
  if (!wasActive && ACTIVE.has(run.status)) setWasActive(true);
  const isRead = query.data !== undefined;
  useEffect(() => {
    if (!isRead || !wasActive) return;
    let cursor = client.getQueryData(runEventsQuery(run.id).queryKey)?.at(-1)?.seq ?? run.queued_seq;
    const socket = new SessionSocket(run.session_id, {
      cursor: () => cursor,
      onState: () => undefined,
      onFrames: (frames) => {
        const fresh = eventsAbove(frames, cursor);
        cursor = fresh.at(-1)?.seq ?? cursor;
        patch(client, run.id, fresh);
      },
    });
    socket.open();
    return () => socket.close();
  }, [client, isRead, wasActive, run.id, run.session_id, run.queued_seq]);
  return query;
}

function eventsAbove(frames: readonly ServerFrame[], cursor: number): Event[] {
  const events: Event[] = [];
  for (const frame of frames) {
    if (frame.type === "event" && frame.event.seq > (events.at(-1)?.seq ?? cursor)) events.push(frame.event);
  }
  return events;
}

function patch(client: QueryClient, runId: string, fresh: readonly Event[]): void {
  const own = fresh.filter((event) => event.run_id === runId);
  if (own.length === 0) return;
  client.setQueryData(runEventsQuery(runId).queryKey, (known: Event[] | undefined) => {
    const last = known?.at(-1)?.seq ?? 0;
    return [...(known ?? []), ...own.filter((event) => event.seq > last)];
  });
  if (own.some((event) => event.type.startsWith("run."))) {
    void client.invalidateQueries({ queryKey: ["run", runId] });
    void client.invalidateQueries({ queryKey: ["runs"] });
  }
}
