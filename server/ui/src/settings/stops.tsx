import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import type { StopOrderView } from "../api/schema.gen";
import { liftedStopsQuery, type Order, stopsQuery } from "../api/stops";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { Took, When } from "../components/values";
import { useOrderAgent } from "../stops/banner";
import { Lift } from "../stops/lift";
import { FreezeButton, StopAllButtons } from "../stops/place";
import { headline, signer } from "../stops/words";
import { tame } from "../text/visible";

export function Stops(): ReactNode {
  const query = useQuery(stopsQuery);
  const [params, setParams] = useSearchParams();
  return (
    <>
      <Card title="Stop everything">
        <div className="card-body stack">
          <p className="muted">
            A stop is a row in the database that every worker sees within moments, whatever the agents do. One run is
            stopped on its own page, one agent on its own.
          </p>
          <div className="row">
            <FreezeButton
              key={params.get("do")}
              open={params.get("do") === "freeze"}
              onClose={() => setParams({ tab: "stops" }, { replace: true })}
            />
            <StopAllButtons name="this tenant" />
          </div>
        </div>
      </Card>
      <Card title="In force">
        <Loaded query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing is stopped">
                <p>Runs start and act as their agents’ definitions allow.</p>
              </Empty>
            ) : (
              <OrderTable orders={items} />
            )
          }
        </Loaded>
      </Card>
      <Lifted />
    </>
  );
}

function Lifted(): ReactNode {
  const query = useQuery(liftedStopsQuery);
  return (
    <Card title="Lifted">
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No stop was lifted yet" />
          ) : (
            <TableBox label="Lifted orders">
              <thead>
                <tr>
                  <th className="wide">Kind</th>
                  <th>What was stopped</th>
                  <th>Why</th>
                  <th className="wide">Placed by</th>
                  <th className="wide">Lifted by</th>
                  <th className="number wide">Placed</th>
                  <th className="number">Held</th>
                </tr>
              </thead>
              <tbody>
                {items.map((order) => (
                  <LiftedRow key={order.id} order={order} />
                ))}
              </tbody>
            </TableBox>
          )
        }
      </Loaded>
    </Card>
  );
}

function LiftedRow({ order }: { order: StopOrderView }): ReactNode {
  const agent = useOrderAgent(order);
  return (
    <tr>
      <td className="wide">{order.kind}</td>
      <td>
        {order.scope === "agent" ? <Link to={`/agents/${order.subject_id}`}>{agent}</Link> : headline(order, agent)}
      </td>
      <td className="wrap">{tame(order.reason)}</td>
      <td className="wide" title={order.placed_by}>
        {signer(order.placed_by)}
      </td>
      <td className="wide" title={order.lifted_by ?? ""}>
        {signer(order.lifted_by ?? "")}
      </td>
      <td className="number wide">
        <When at={order.placed_at} />
      </td>
      <td className="number">
        <Took from={order.placed_at} to={order.lifted_at} />
      </td>
    </tr>
  );
}

function OrderTable({ orders }: { orders: readonly Order[] }): ReactNode {
  return (
    <TableBox label="Orders">
      <thead>
        <tr>
          <th>Kind</th>
          <th>What is stopped</th>
          <th>Why</th>
          <th className="wide">By</th>
          <th className="number wide">Since</th>
          <ActionsHead />
        </tr>
      </thead>
      <tbody>
        {orders.map((order) => (
          <Row key={order.id} order={order} />
        ))}
      </tbody>
    </TableBox>
  );
}

function Row({ order }: { order: Order }): ReactNode {
  const agent = useOrderAgent(order);
  return (
    <tr>
      <td>
        <Status tone={order.kind === "freeze" ? "bad" : "wait"}>{order.kind}</Status>
      </td>
      <td>
        {order.scope === "agent" ? <Link to={`/agents/${order.subject_id}`}>{agent}</Link> : headline(order, agent)}
      </td>
      <td className="wrap">{tame(order.reason)}</td>
      <td className="wide" title={order.placed_by}>
        {signer(order.placed_by)}
      </td>
      <td className="number wide">
        <When at={order.placed_at} />
      </td>
      <td className="number">
        <Lift order={order} agent={agent} />
      </td>
    </tr>
  );
}
