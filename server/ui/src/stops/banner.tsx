import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { agentQuery } from "../api/queries";
import { type Order, stopsQuery } from "../api/stops";
import { When } from "../components/values";
import { useCan } from "../shell/me";
import { plural, shortId } from "../text/format";
import { tame } from "../text/visible";
import { Lift } from "./lift";
import { headline, signer } from "./words";

const SHOWN = 2;

/** On every page while any stop is in force: what, why, who, since when, and the way out. */
export function StopBanner(): ReactNode {
  const can = useCan();
  const orders = useQuery({ ...stopsQuery, enabled: can("runs:read") }).data?.items ?? [];
  if (orders.length === 0) return null;
  const sorted = [...orders].sort((one, other) => rank(one) - rank(other));
  const rest = sorted.length - SHOWN;
  return (
    <section className="stops" aria-label="Stops in force">
      {sorted.slice(0, SHOWN).map((order) => (
        <Line key={order.id} order={order} />
      ))}
      {rest > 0 && (
        <Link className="small" to="/settings?tab=stops">
          and {plural(rest, "more stop")}
        </Link>
      )}
    </section>
  );
}

function rank(order: Order): number {
  return order.kind === "freeze" ? 0 : order.scope === "tenant" ? 1 : 2;
}

function Line({ order }: { order: Order }): ReactNode {
  const agent = useOrderAgent(order);
  return (
    <div className={order.kind === "freeze" ? "stop-line stop-freeze" : "stop-line"} role="status">
      <b>
        <span aria-hidden="true">{order.kind === "freeze" ? "❄ " : "❚❚ "}</span>
        {order.scope === "agent" ? (
          <Link to={`/agents/${order.subject_id}`}>{headline(order, agent)}</Link>
        ) : (
          headline(order, agent)
        )}
      </b>
      <span className="grow wrap">“{tame(order.reason)}”</span>
      <span className="small">
        by {signer(order.placed_by)}, <When at={order.placed_at} />
      </span>
      <Lift order={order} agent={agent} />
    </div>
  );
}

/** The name of the agent that an order is about, as far as it is known. */
export function useOrderAgent(order: Pick<Order, "scope" | "subject_id">): string {
  const can = useCan();
  const isAgent = order.scope === "agent";
  const query = useQuery({
    ...agentQuery(order.subject_id),
    enabled: isAgent && can("agents:read"),
    staleTime: 60_000,
  });
  const unknown = query.isPending && query.fetchStatus !== "idle" ? "an agent" : `agent ${shortId(order.subject_id)}`;
  return query.data?.name ?? unknown;
}
