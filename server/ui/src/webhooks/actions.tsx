import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body, idempotencyKey } from "../api/client";
import type { WebhookView } from "../api/schema.gen";
import { Confirm } from "../components/dialog";
import { useRemoval } from "../components/removal";
import { useToasts } from "../components/toasts";
import { takeSecret } from "./fresh-secret";
import { SecretDialog } from "./secret-dialog";

/** Enable, disable, change the secret, delete; a secret that was just made is shown once. */
export function WebhookActions({ webhook }: { webhook: WebhookView }): ReactNode {
  const client = useQueryClient();
  const remove = useRemoval({ key: ["webhook", webhook.id], list: ["webhooks"], to: "/webhooks" });
  const { fail, tell } = useToasts();
  const [shown, setShown] = useState(() => takeSecret(client, webhook.id));
  const params = { path: { webhook_id: webhook.id } };

  async function attempt(act: () => Promise<unknown>, done: string): Promise<void> {
    try {
      await act();
      tell(done);
    } catch (error) {
      fail(error as Error);
    }
    void client.invalidateQueries({ queryKey: ["webhook", webhook.id] });
    void client.invalidateQueries({ queryKey: ["webhooks"] });
  }
  const enable = (enabled: boolean) =>
    attempt(
      () => api.PATCH("/v1/webhooks/{webhook_id}", { params, body: { enabled } }),
      enabled ? "Events are owed to it again" : "No event is owed to it from now on",
    );
  const rotate = () =>
    attempt(async () => {
      const given = { params: { ...params, header: idempotencyKey() }, body: { overlap_s: 86_400 } };
      setShown((await body(api.POST("/v1/webhooks/{webhook_id}/secret", given))).secret);
    }, "Messages carry both signatures for a day");
  return (
    <>
      {webhook.enabled ? (
        <Confirm
          label="Disable"
          className="button"
          title="Disable this webhook?"
          detail="No event is owed to it until it is enabled again; events of that time are not sent later."
          onConfirm={() => enable(false)}
        />
      ) : (
        <button type="button" className="button" onClick={() => void enable(true)}>
          Enable
        </button>
      )}
      <Confirm
        label="New secret"
        className="button"
        title="Give it a new secret?"
        detail="Messages carry the old and the new signature for a day, so that the receiver can change over."
        onConfirm={rotate}
      />
      <Confirm
        label="Delete"
        title="Delete this webhook?"
        detail="Its deliveries, also those that still wait, are gone for good."
        onConfirm={() => remove(() => api.DELETE("/v1/webhooks/{webhook_id}", { params }), "The webhook was deleted")}
      />
      {shown !== null && <SecretDialog secret={shown} onClose={() => setShown(null)} />}
    </>
  );
}
