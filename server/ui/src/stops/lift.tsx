import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { meQuery } from "../api/queries";
import { lift, type Order, stopsQuery } from "../api/stops";
import { Confirm } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { consequence, headline, scopeOf } from "./words";

/** Lifts a stop after a question; nothing where the key may not, or another tenant placed it. */
export function Lift({ order, agent }: { order: Order; agent: string }): ReactNode {
  const can = useCan();
  const operates = useQuery(meQuery).data?.operates ?? false;
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  if (!order.own || !can(scopeOf(order)) || (order.kind === "freeze" && !operates)) return null;
  async function go(): Promise<void> {
    try {
      await lift(order);
      client.setQueryData(
        stopsQuery.queryKey,
        (known) => known && { ...known, items: known.items.filter((each) => each.id !== order.id) },
      );
      tell("Lifted");
    } catch (error) {
      fail(error as Error);
    }
    await client.invalidateQueries({ queryKey: stopsQuery.queryKey });
    void client.invalidateQueries({ queryKey: ["runs"] });
    void client.invalidateQueries({ queryKey: ["run"] });
  }
  return (
    <Confirm
      label="Lift"
      className="button"
      title={order.kind === "freeze" ? "Lift the freeze?" : "Lift the pause?"}
      detail={`${headline(order, agent)}: “${order.reason}”. ${consequence(order)}`}
      onConfirm={go}
    />
  );
}
