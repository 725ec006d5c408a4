import type { ComponentType } from "react";
import type { Scope } from "./shell/me";

type Load = () => Promise<{ readonly default: ComponentType }>;

/** One page of the UI: its address, in which `:id` is any segment, and where its code is. */
export interface Place {
  readonly path: string;
  readonly load: Load;
  /** Without this scope the page says so instead of showing a form that would be refused. */
  readonly needs?: Scope;
}

/** All pages but the overview, whose code comes with the frame. Of two that fit an address, the first is meant. */
export const PLACES: readonly Place[] = [
  { path: "runs", load: () => import("./pages/runs") },
  { path: "runs/:id", load: () => import("./pages/run") },
  { path: "runs/:id/trace", load: () => import("./pages/trace") },
  { path: "sessions", load: () => import("./pages/sessions") },
  { path: "sessions/:id", load: () => import("./pages/session") },
  { path: "agents", load: () => import("./pages/agents") },
  { path: "agents/new", load: () => import("./pages/agent-new"), needs: "agents:write" },
  { path: "agents/:id", load: () => import("./pages/agent") },
  { path: "agents/:id/edit", load: () => import("./pages/agent-edit"), needs: "agents:write" },
  { path: "tools", load: () => import("./pages/tools"), needs: "tools:read" },
  { path: "tools/:id", load: () => import("./pages/tool"), needs: "tools:read" },
  { path: "memory", load: () => import("./pages/memories"), needs: "memories:read" },
  { path: "memory/:id", load: () => import("./pages/memory"), needs: "memories:read" },
  { path: "approvals", load: () => import("./pages/approvals") },
  { path: "policies", load: () => import("./pages/policies"), needs: "policies:read" },
  { path: "policies/new", load: () => import("./pages/policy-edit"), needs: "policies:write" },
  { path: "policies/:id", load: () => import("./pages/policy"), needs: "policies:read" },
  { path: "policies/:id/edit", load: () => import("./pages/policy-edit"), needs: "policies:write" },
  { path: "schedules", load: () => import("./pages/schedules"), needs: "schedules:read" },
  { path: "schedules/new", load: () => import("./pages/schedule-edit"), needs: "schedules:write" },
  { path: "schedules/:id", load: () => import("./pages/schedule"), needs: "schedules:read" },
  { path: "schedules/:id/edit", load: () => import("./pages/schedule-edit"), needs: "schedules:write" },
  { path: "webhooks", load: () => import("./pages/webhooks"), needs: "webhooks:read" },
  { path: "webhooks/new", load: () => import("./pages/webhook-edit"), needs: "webhooks:write" },
  { path: "webhooks/:id", load: () => import("./pages/webhook"), needs: "webhooks:read" },
  { path: "webhooks/:id/edit", load: () => import("./pages/webhook-edit"), needs: "webhooks:write" },
  { path: "settings", load: () => import("./pages/settings") },
];

const fetched = new Map<Place, ComponentType>();

/** The page at an address, if it has code of its own. */
export function placeAt(pathname: string): Place | undefined {
  const given = pathname.split("/").filter(Boolean);
  return PLACES.find(({ path }) => {
    const parts = path.split("/");
    return parts.length === given.length && parts.every((part, at) => part === ":id" || part === given[at]);
  });
}

/** Fetch the code of the page at an address. It never fails: what cannot be fetched is fetched again when it shows. */
export async function preloadPage(pathname: string): Promise<void> {
  const place = placeAt(pathname);
  if (place === undefined || fetched.has(place)) return;
  try {
    fetched.set(place, (await place.load()).default);
  } catch {
    // The page's own attempt says what is wrong.
  }
}

/** The page itself, once its code is there. */
export function fetchedPage(place: Place): ComponentType | undefined {
  return fetched.get(place);
}
