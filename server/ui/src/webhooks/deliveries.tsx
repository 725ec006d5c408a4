import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { api, body } from "../api/client";
import type { DeliveryView, WebhookView } from "../api/schema.gen";
import { type DeliveryState, deliveriesQuery } from "../api/webhooks";
import { Confirm } from "../components/dialog";
import { Card, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { useCan } from "../shell/me";
import { plural } from "../text/format";
import { tame } from "../text/visible";
import { DeliveryDetail } from "./delivery-detail";

const STATES: readonly DeliveryState[] = ["pending", "sending", "delivered", "dead"];
const TONES = { pending: "wait", sending: "busy", delivered: "ok", dead: "bad" } as const;

/** What is and was owed to a webhook, the newest first; one of them unfolded. */
export function Deliveries({ webhook }: { webhook: WebhookView }): ReactNode {
  const [params, setParams] = useSearchParams();
  const state = STATES.find((each) => each === params.get("state"));
  const chosen = params.get("delivery");
  const query = useInfiniteQuery(deliveriesQuery(webhook.id, state));
  function set(change: Record<string, string | null>): void {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
    setParams(next, { preventScrollReset: true });
  }
  return (
    <>
      {chosen && <DeliveryDetail webhook={webhook.id} id={chosen} onClose={() => set({ delivery: null })} />}
      <Card title="Deliveries" aside={<ReplayDead webhook={webhook} />}>
        <fieldset className="filters card-body" aria-label="State">
          {[undefined, ...STATES].map((each) => (
            <button
              key={each ?? "all"}
              type="button"
              className="chip"
              aria-pressed={each === state}
              onClick={() => set({ state: each ?? null })}
            >
              {each ?? "all"}
            </button>
          ))}
        </fieldset>
        <Paged
          query={query}
          empty={
            <Empty title={state ? `No delivery is ${state}` : "Nothing was owed to it yet"}>
              {!state && <p>The next event that it asks for is sent within moments.</p>}
            </Empty>
          }
        >
          {(deliveries) => (
            <DeliveryTable deliveries={deliveries} chosen={chosen} onChoose={(id) => set({ delivery: id })} />
          )}
        </Paged>
      </Card>
    </>
  );
}

export function DeliveryBadge({ state }: { state: DeliveryState }): ReactNode {
  return <Status tone={TONES[state]}>{state}</Status>;
}

function DeliveryTable({
  deliveries,
  chosen,
  onChoose,
}: {
  deliveries: readonly DeliveryView[];
  chosen: string | null;
  onChoose: (id: string) => void;
}): ReactNode {
  return (
    <TableBox label="Deliveries">
      <thead>
        <tr>
          <th>State</th>
          <th>Event</th>
          <th className="number wide">Attempts</th>
          <th className="wide">Last answer</th>
          <th className="number">Owed</th>
          <th className="number wide">Next attempt</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((each) => (
          <tr key={each.id} aria-current={each.id === chosen ? "true" : undefined}>
            <td>
              <DeliveryBadge state={each.state} />
            </td>
            <td>
              <button type="button" className="button button-plain button-left mono" onClick={() => onChoose(each.id)}>
                {each.event_type}
              </button>
            </td>
            <td className="number wide">{each.attempts}</td>
            <td className="wide muted">
              <span className="clip">
                {tame([each.last_status, each.last_error].filter(Boolean).join(": ")) || "–"}
              </span>
            </td>
            <td className="number">
              <When at={each.created_at} />
            </td>
            <td className="number wide">{each.next_attempt_at ? <When at={each.next_attempt_at} /> : "–"}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function ReplayDead({ webhook }: { webhook: WebhookView }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  if (!can("webhooks:write")) return null;
  async function replay(): Promise<void> {
    try {
      const params = { path: { webhook_id: webhook.id } };
      const { replayed } = await body(api.POST("/v1/webhooks/{webhook_id}/replay", { params }));
      tell(replayed === 0 ? "No delivery is dead" : `${plural(replayed, "delivery", "deliveries")} are due again`);
    } catch (error) {
      fail(error as Error);
    }
    await client.invalidateQueries({ queryKey: ["webhook", webhook.id] });
  }
  return (
    <Confirm
      label="Replay dead ones"
      className="button"
      title="Send all dead deliveries again?"
      detail="The oldest first, at most a thousand at once, under their old ids, so that the receiver can tell doubles."
      onConfirm={replay}
    />
  );
}
