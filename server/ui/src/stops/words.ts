import type { Order } from "../api/stops";
import type { Scope } from "../shell/me";

/** What an order stops, in one line; `agent` is the name of the one it is about. */
export function headline(order: Pick<Order, "kind" | "scope">, agent: string): string {
  if (order.kind === "freeze") return "All side effects are frozen";
  if (order.scope === "agent") return `Runs of ${agent} are paused`;
  return "All runs are paused";
}

/** What lifting it does, for the question before it. */
export function consequence(order: Pick<Order, "kind">): string {
  if (order.kind === "freeze") {
    return "Queued runs start at once and may act. Runs that were parked stay so: resume each one after a look at what it was about to do.";
  }
  return "Runs that it stopped go on where they were, and queued ones start.";
}

/** The scope that a key needs to lift it. */
export function scopeOf(order: Pick<Order, "kind" | "scope">): Scope {
  return order.scope === "agent" ? "runs:write" : "stops:write";
}

/** The key's name out of `name (id)`. */
export function signer(placedBy: string): string {
  return placedBy.replace(/ \([0-9a-f-]{36}\)$/, "");
}
