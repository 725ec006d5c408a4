import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { endpointsQuery } from "../api/queries";
import type { EndpointView } from "../api/schema.gen";
import { Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { count, plural } from "../text/format";
import { breakerWords, percent, toldBy } from "./endpoint-words";

const TONES = { up: "ok", partly: "wait", down: "bad" } as const;

/** How the workers find the model endpoints: what is down since when, and how much is under way. */
export function Endpoints({ isLinked = false }: { isLinked?: boolean }): ReactNode {
  const query = useQuery(endpointsQuery);
  return (
    <Card
      title="Model endpoints, as the workers find them"
      aside={isLinked && <Link to="/settings?tab=models">Models</Link>}
    >
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No worker has reported">
              <p>Workers report every few seconds, through the broker.</p>
            </Empty>
          ) : (
            <TableBox label="Model endpoints">
              <thead>
                <tr>
                  <th>Endpoint</th>
                  <th>State</th>
                  <th className="wide">Models</th>
                  <th className="wide">Breaker</th>
                  <th className="number">Requests</th>
                  <th className="number wide">Waiting</th>
                  <th className="number">KV cache</th>
                </tr>
              </thead>
              <tbody>
                {items.map((endpoint) => (
                  <Row key={endpoint.url} endpoint={endpoint} />
                ))}
              </tbody>
            </TableBox>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ endpoint }: { endpoint: EndpointView }): ReactNode {
  const sum = (field: "in_flight" | "limit" | "waiting") =>
    endpoint.processes.reduce((total, one) => total + one[field], 0);
  const told = toldBy(endpoint);
  return (
    <tr>
      <td>
        <span className="mono">{endpoint.url}</span>
        {endpoint.last_error && <p className="muted">{endpoint.last_error}</p>}
      </td>
      <td>
        <Status tone={TONES[endpoint.state]}>{endpoint.state}</Status>
        {endpoint.down_since && (
          <>
            {" "}
            <span className="muted">
              since <When at={endpoint.down_since} />
            </span>
          </>
        )}
      </td>
      <td className="wide">{endpoint.models.join(", ")}</td>
      <td className="wide">{breakerWords(endpoint)}</td>
      <td className="number" title={plural(endpoint.processes.length, "worker")}>
        {count(sum("in_flight"))} of {count(sum("limit"))}
        {told.running !== null && <div className="muted small">{count(told.running)} run there</div>}
      </td>
      <td className="number wide">
        {count(sum("waiting"))}
        {told.queued !== null && <div className="muted small">{count(told.queued)} wait there</div>}
      </td>
      <td className="number">{told.cache === null ? <span className="muted">not told</span> : percent(told.cache)}</td>
    </tr>
  );
}
