import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useNavigate } from "react-router";
import { api, body, idempotencyKey } from "../api/client";
import { useCan } from "../shell/me";
import { useToasts } from "./toasts";

/** Go on from an event of a conversation in a session of its own; the one that it comes from stays as it is. */
export function Fork({ sessionId, seq, big = false }: { sessionId: string; seq: number; big?: boolean }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { fail, tell } = useToasts();
  const fork = useMutation({
    mutationFn: () => {
      const params = { path: { session_id: sessionId }, header: idempotencyKey() };
      return body(api.POST("/v1/sessions/{session_id}/fork", { params, body: { at_seq: seq } }));
    },
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["sessions"] });
      tell(`Forked from event ${seq}`);
      void navigate(`/sessions/${made.id}`);
    },
    onError: fail,
  });
  if (!can("sessions:write")) return null;
  return (
    <button
      type="button"
      className={big ? "button button-big" : "button button-plain small"}
      disabled={fork.isPending}
      title={`Go on from event ${seq} in a new session`}
      onClick={() => fork.mutate()}
    >
      {big ? "Fork" : "Fork from here"}
    </button>
  );
}
