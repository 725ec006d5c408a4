import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api, body } from "../api/client";
import { memorySearchQuery } from "../api/queries";
import { shortId } from "../text/format";
import { useCan } from "./me";
import { type Entry, idEntries, sessionEntry } from "./palette-entries";

const ASK_AFTER_MS = 250;
const FEWEST_LETTERS = 3;
const OF_EACH = 8;

function sessionsFoundQuery(q: string) {
  return queryOptions({
    queryKey: ["sessions", "found", q],
    queryFn: ({ signal }) => body(api.GET("/v1/sessions", { params: { query: { q, limit: OF_EACH } }, signal })),
  });
}

function runsFoundQuery(q: string) {
  return queryOptions({
    queryKey: ["runs", "found", q],
    queryFn: ({ signal }) => body(api.GET("/v1/runs", { params: { query: { q, limit: OF_EACH } }, signal })),
  });
}

export interface Found {
  readonly entries: readonly Entry[];
  readonly isAsking: boolean;
  /** Why something could not be looked through. */
  readonly error: Error | null;
}

/** What the server finds by words, asked for when they have stood for a moment: sessions, runs and memories. */
export function useFound(words: string): Found {
  const can = useCan();
  const wanted = words.trim();
  const settled = useSettled(wanted);
  const isWorth = (text: string) => text.length >= FEWEST_LETTERS && idEntries(text).length === 0;
  const isOn = isWorth(settled);
  const asked = { retry: false, staleTime: 10_000 } as const;
  const sessions = useQuery({ ...sessionsFoundQuery(settled), ...asked, enabled: isOn && can("sessions:read") });
  const runs = useQuery({ ...runsFoundQuery(settled), ...asked, enabled: isOn && can("runs:read") });
  const memories = useQuery({
    ...memorySearchQuery(settled, undefined),
    ...asked,
    enabled: isOn && can("memories:read"),
  });
  const entries = useMemo<readonly Entry[]>(
    () => [
      ...(sessions.data?.items ?? []).map(sessionEntry),
      ...(runs.data?.items ?? []).map((run) => ({
        to: `/runs/${run.id}`,
        text: `Run ${shortId(run.id)}${run.output ? `: ${run.output.slice(0, 80)}` : ""}`,
        kind: `run, ${run.status}`,
      })),
      ...(memories.data?.low_confidence ? [] : (memories.data?.items ?? []))
        .slice(0, OF_EACH)
        .map(({ memory }) => ({ to: `/memory/${memory.id}`, text: memory.title, kind: "memory" })),
    ],
    [sessions.data, runs.data, memories.data],
  );
  const isCurrent = wanted === settled;
  return {
    entries: isOn && isCurrent ? entries : [],
    isAsking: isWorth(wanted) && (!isCurrent || sessions.isFetching || runs.isFetching || memories.isFetching),
    error: isOn && isCurrent ? (sessions.error ?? runs.error ?? memories.error) : null,
  };
}

/** A text once it has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), ASK_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}
