import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import type { Event, EventsView, RunView } from "./schema.gen";

export type RunStatus = RunView["status"];

const PAGE = 50;
const LARGE_PAGE = 200;
const MOST_PAGES = 5;
const EVENTS_PER_PAGE = 1000;
const FAST_MS = 3_000;
export const SLOW_MS = 15_000;

/** First page live, long lists calmer: a refresh reads every page that is shown. */
const lively = {
  refetchInterval: (query: { state: { data?: { pages: unknown[] } | undefined } }) =>
    (query.state.data?.pages.length ?? 1) > 2 ? SLOW_MS : FAST_MS,
};

export const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: (last: { readonly next_cursor: string | null }) => last.next_cursor,
};

export function page(cursor: string | null): { limit: number; cursor?: string } {
  return cursor ? { limit: PAGE, cursor } : { limit: PAGE };
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => body(api.GET("/v1/me")),
  staleTime: 60_000,
  // Another tab may have signed in as somebody else, or moved to another tenant.
  refetchOnWindowFocus: "always",
  retry: false,
});

export const readinessQuery = queryOptions({
  queryKey: ["readiness"],
  queryFn: () => body(api.GET("/readyz")),
  // Its return is noticed soon.
  refetchInterval: ({ state }) => (state.error || state.data?.state === "unavailable" ? FAST_MS : 10_000),
  retry: false,
});

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: () => body(api.GET("/v1/admin/overview")),
  refetchInterval: FAST_MS,
});

export interface RunFilter {
  readonly status?: RunStatus | undefined;
  readonly agent_id?: string | undefined;
  readonly session_id?: string | undefined;
}

/** The first page is small and comes fast, later ones are as large as the server gives them. */
export function runsQuery(filter: RunFilter) {
  return infiniteQueryOptions({
    queryKey: ["runs", filter],
    queryFn: ({ pageParam }) => {
      const limit = pageParam === null ? PAGE : LARGE_PAGE;
      return body(api.GET("/v1/runs", { params: { query: { ...defined(filter), ...page(pageParam), limit } } }));
    },
    ...paged,
    refetchInterval: ({ state }) => (isShort(state.data) ? FAST_MS : false),
    refetchOnWindowFocus: ({ state }) => isShort(state.data),
  });
}

function isShort(data: { readonly pages: readonly unknown[] } | undefined): boolean {
  return (data?.pages.length ?? 1) <= 1;
}

/** Only the newest runs: they keep a long list live without reading all of it again. */
export function newestRunsQuery(filter: RunFilter, isLong: boolean) {
  return queryOptions({
    queryKey: ["newest-runs", filter],
    queryFn: () => body(api.GET("/v1/runs", { params: { query: { ...defined(filter), ...page(null) } } })),
    enabled: isLong,
    refetchInterval: FAST_MS,
  });
}

export function runQuery(id: string) {
  return queryOptions({
    queryKey: ["run", id],
    queryFn: () => body(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: id } } })),
  });
}

/** A run as the server's tree, a part at a time; while it works the parts that are shown are read again. */
export function traceQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["trace", id],
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/runs/{run_id}/trace", { params: { path: { run_id: id }, query: { after: pageParam } } })),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next_after,
    refetchInterval: ({ state }) => (state.data?.pages[0]?.run.finished_at === null ? FAST_MS : false),
  });
}

export function runEventsQuery(id: string) {
  return queryOptions({
    queryKey: ["run-events", id],
    queryFn: async ({ signal }) => {
      const events: Event[] = [];
      for (let after = 0; ; ) {
        const params = { path: { run_id: id }, query: { after, limit: EVENTS_PER_PAGE } };
        const { items, next_after } = await body(api.GET("/v1/runs/{run_id}/events", { params, signal }));
        events.push(...items);
        if (items.length < EVENTS_PER_PAGE) return events;
        after = next_after;
      }
    },
  });
}

export function sessionsQuery(filter: { readonly agent_id?: string | undefined }) {
  return infiniteQueryOptions({
    queryKey: ["sessions", filter],
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/sessions", { params: { query: { ...defined(filter), ...page(pageParam) } } })),
    ...paged,
    ...lively,
  });
}

export function sessionQuery(id: string) {
  return queryOptions({
    queryKey: ["session", id],
    queryFn: () => body(api.GET("/v1/sessions/{session_id}", { params: { path: { session_id: id } } })),
  });
}

export async function readEvents(sessionId: string, after: number, limit: number): Promise<readonly Event[]> {
  const params = { path: { session_id: sessionId }, query: { after, limit } };
  const page = (await body(api.GET("/v1/sessions/{session_id}/events", { params }))) as EventsView;
  return page.items;
}

export const agentsQuery = infiniteQueryOptions({
  queryKey: ["agents"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/agents", { params: { query: page(pageParam) } })),
  ...paged,
  staleTime: 10_000,
});

/** Every agent, for those who choose one: the newest thousand, as many as a list can show. */
export const everyAgentQuery = queryOptions({
  queryKey: ["agents", "every"],
  queryFn: () =>
    everyPage(async (cursor) =>
      body(api.GET("/v1/agents", { params: { query: { ...page(cursor), limit: LARGE_PAGE } } })),
    ),
  staleTime: 10_000,
});

/** Every tool by name, newest first, as agents. */
export const everyToolQuery = queryOptions({
  queryKey: ["tools", "every"],
  queryFn: () =>
    everyPage(async (cursor) =>
      body(api.GET("/v1/tools", { params: { query: { ...page(cursor), limit: LARGE_PAGE } } })),
    ),
  staleTime: 10_000,
});

async function everyPage<T>(
  read: (cursor: string | null) => Promise<{ readonly items: readonly T[]; readonly next_cursor: string | null }>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let cursor: string | null = null, left = MOST_PAGES; left > 0; left -= 1) {
    const { items, next_cursor } = await read(cursor);
    found.push(...items);
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  return found;
}

export function agentQuery(key: string) {
  return queryOptions({
    queryKey: ["agent", key],
    queryFn: () => body(api.GET("/v1/agents/{agent}", { params: { path: { agent: key } } })),
    staleTime: 5_000,
  });
}

export function versionsQuery(key: string) {
  return infiniteQueryOptions({
    queryKey: ["agent", key, "versions"],
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/agents/{agent}/versions", { params: { path: { agent: key }, query: page(pageParam) } })),
    ...paged,
  });
}

export function diffQuery(key: string, before: number, after: number) {
  return queryOptions({
    queryKey: ["agent", key, "diff", before, after],
    queryFn: () =>
      body(api.GET("/v1/agents/{agent}/diff", { params: { path: { agent: key }, query: { before, after } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export const toolsQuery = infiniteQueryOptions({
  queryKey: ["tools"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/tools", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

export function toolQuery(key: string) {
  return queryOptions({
    queryKey: ["tool", key],
    queryFn: () => body(api.GET("/v1/tools/{tool}", { params: { path: { tool: key } } })),
  });
}

export function toolVersionsQuery(key: string) {
  return queryOptions({
    queryKey: ["tool", key, "versions"],
    queryFn: () => body(api.GET("/v1/tools/{tool}/versions", { params: { path: { tool: key } } })),
    staleTime: 5_000,
  });
}

export function toolVersionQuery(key: string, version: number) {
  return queryOptions({
    queryKey: ["tool", key, "version", version],
    queryFn: () => body(api.GET("/v1/tools/{tool}/versions/{version}", { params: { path: { tool: key, version } } })),
  });
}

export function memoriesQuery(filter: { readonly agent_id?: string | undefined }) {
  return infiniteQueryOptions({
    queryKey: ["memories", filter],
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/memories", { params: { query: { ...defined(filter), ...page(pageParam) } } })),
    ...paged,
    refetchInterval: SLOW_MS,
  });
}

export function memorySearchQuery(words: string, agent: string | undefined) {
  return queryOptions({
    queryKey: ["memories", "search", words, agent],
    queryFn: () =>
      body(api.GET("/v1/memories/search", { params: { query: { q: words, limit: 20, ...defined({ agent }) } } })),
    enabled: words.trim() !== "",
  });
}

export function memoryQuery(id: string) {
  return queryOptions({
    queryKey: ["memory", id],
    queryFn: () => body(api.GET("/v1/memories/{memory_id}", { params: { path: { memory_id: id } } })),
  });
}

export function sourceEventsQuery(sessionId: string, first: number, last: number) {
  return queryOptions({
    queryKey: ["source-events", sessionId, first, last],
    queryFn: () => readEvents(sessionId, first - 1, Math.min(EVENTS_PER_PAGE, last - first + 1)),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export const keysQuery = queryOptions({ queryKey: ["keys"], queryFn: () => body(api.GET("/v1/admin/keys")) });

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  queryFn: () => body(api.GET("/v1/admin/workers")),
  refetchInterval: 5_000,
});

export const endpointsQuery = queryOptions({
  queryKey: ["endpoints"],
  queryFn: () => body(api.GET("/v1/admin/models")),
  refetchInterval: 5_000,
});

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => body(api.GET("/v1/models")),
  staleTime: 60_000,
});

/** Without the members that are not set. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
