import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { sourceEventsQuery } from "../api/queries";
import type { AttemptView, DeliveryDetailView } from "../api/schema.gen";
import { deliveryQuery } from "../api/webhooks";
import { Card, TableBox } from "../components/page";
import { Json } from "../components/prose";
import { Empty, Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { duration } from "../text/format";
import { tame } from "../text/visible";
import { DeliveryBadge } from "./deliveries";

/** One delivery: every attempt with its answer, and the event that it carries. */
export function DeliveryDetail({
  webhook,
  id,
  onClose,
}: {
  webhook: string;
  id: string;
  onClose: () => void;
}): ReactNode {
  const query = useQuery(deliveryQuery(webhook, id));
  const place = useRef<HTMLDivElement>(null);
  // Whoever chose it far down the list would not see it open above.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another delivery is brought into view, too
  useEffect(() => {
    // Chromium answers with a promise, which is no clean-up.
    void place.current?.scrollIntoView({ block: "nearest" });
  }, [id]);
  return (
    <div ref={place}>
      <Card
        title="Delivery"
        aside={
          <span className="row">
            {query.data && <Replay delivery={query.data} />}
            <button type="button" className="button" onClick={onClose}>
              Close
            </button>
          </span>
        }
      >
        <Loaded query={query}>{(delivery) => <Parts delivery={delivery} />}</Loaded>
      </Card>
    </div>
  );
}

function Parts({ delivery }: { delivery: DeliveryDetailView }): ReactNode {
  return (
    <>
      <dl className="facts card-body">
        <Fact name="State">
          <DeliveryBadge state={delivery.state} />
        </Fact>
        <Fact name="Event">
          <Link to={`/sessions/${delivery.session_id}`}>
            {delivery.event_type} #{delivery.seq}
          </Link>
        </Fact>
        <Fact name="webhook-id">
          <Id id={delivery.id} what="webhook-id" />
        </Fact>
        <Fact name="Owed">
          <When at={delivery.created_at} />
        </Fact>
        <Fact name="Next attempt">{delivery.next_attempt_at ? <When at={delivery.next_attempt_at} /> : "none"}</Fact>
      </dl>
      <Attempts log={delivery.log} />
      <Payload delivery={delivery} />
    </>
  );
}

function Attempts({ log }: { log: readonly AttemptView[] }): ReactNode {
  if (log.length === 0) return <Empty title="It was not tried yet" />;
  return (
    <TableBox label="Attempts">
      <thead>
        <tr>
          <th className="number">Attempt</th>
          <th>Answer</th>
          <th className="number">Took</th>
          <th className="number">At</th>
          <th>What it said</th>
        </tr>
      </thead>
      <tbody>
        {log.map((each) => (
          <tr key={each.attempt}>
            <td className="number">{each.attempt}</td>
            <td className={each.status !== null && each.status < 300 ? "" : "field-error"}>
              {each.status ?? "none"}
              {each.error && `: ${tame(each.error)}`}
            </td>
            <td className="number">{duration(each.latency_ms)}</td>
            <td className="number">
              <When at={each.at} />
            </td>
            <td className="mono wrap">{tame(each.response_excerpt)}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function Payload({ delivery }: { delivery: DeliveryDetailView }): ReactNode {
  const can = useCan();
  const query = useQuery({
    ...sourceEventsQuery(delivery.session_id, delivery.seq, delivery.seq),
    enabled: can("sessions:read"),
  });
  if (!can("sessions:read")) return null;
  return (
    <details className="card-body" open>
      <summary className="small muted">the event that it carries</summary>
      <Loaded query={query}>
        {([event]) => (event ? <Json value={event} /> : <Empty title="The event is no longer kept" />)}
      </Loaded>
    </details>
  );
}

function Replay({ delivery }: { delivery: DeliveryDetailView }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const replay = useMutation({
    mutationFn: () => {
      const params = { path: { webhook_id: delivery.webhook_id, delivery_id: delivery.id } };
      return body(api.POST("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", { params }));
    },
    onSuccess: () => {
      tell("It is due again");
      void client.invalidateQueries({ queryKey: ["webhook", delivery.webhook_id] });
    },
    onError: fail,
  });
  const isEnded = delivery.state === "delivered" || delivery.state === "dead";
  if (!can("webhooks:write") || !isEnded) return null;
  return (
    <button type="button" className="button" disabled={replay.isPending} onClick={() => replay.mutate()}>
      Replay
    </button>
  );
}
