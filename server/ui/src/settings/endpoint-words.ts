import type { EndpointView } from "../api/schema.gen";
import { plural } from "../text/format";

type Sight = EndpointView["processes"][number];

/** What the endpoint says of itself, of all its clients: the newest word of any process; null where it says nothing. */
export function toldBy(endpoint: Pick<EndpointView, "processes">): Pick<Sight, "running" | "queued" | "cache"> {
  const newestFirst = [...endpoint.processes].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  const first = (field: "running" | "queued" | "cache") =>
    newestFirst.map((sight) => sight[field]).find((value) => value !== null) ?? null;
  return { running: first("running"), queued: first("queued"), cache: first("cache") };
}

/** Whether the workers' circuit breakers let requests through. */
export function breakerWords(endpoint: Pick<EndpointView, "processes">): string {
  const of = (state: Sight["circuit"]) => endpoint.processes.filter((sight) => sight.circuit === state).length;
  if (of("closed") === endpoint.processes.length) return "closed";
  return (["open", "half_open"] as const)
    .filter((state) => of(state) > 0)
    .map((state) => `${state.replace("_", " ")} in ${plural(of(state), "worker")}`)
    .join(", ");
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
