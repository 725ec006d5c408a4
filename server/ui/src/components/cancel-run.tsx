import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { runQuery } from "../api/queries";
import type { RunView } from "../api/schema.gen";
import { useCan } from "../shell/me";
import { ACTIVE } from "./status";
import { useToasts } from "./toasts";

/** The stop button: one press, no question, since a stop loses nothing that was committed. */
export function CancelRun({ run, big = false }: { run: RunView; big?: boolean }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail } = useToasts();
  const cancel = useMutation({
    mutationFn: () => {
      const params = { path: { run_id: run.id } };
      return body(api.POST("/v1/runs/{run_id}/cancel", { params, body: { reason: "stopped in the admin UI" } }));
    },
    onSuccess: (changed) => {
      client.setQueryData(runQuery(run.id).queryKey, (known) => (known ? { ...known, ...changed } : undefined));
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
    onError: fail,
  });
  if (!ACTIVE.has(run.status) || !can("runs:write")) return null;
  const isStopping = run.cancel_requested_at !== null || cancel.isPending;
  return (
    <button
      type="button"
      className={`button button-stop${big ? " button-big" : ""}`}
      disabled={isStopping}
      onClick={() => cancel.mutate()}
    >
      {isStopping ? "Stopping…" : "■ Stop"}
    </button>
  );
}
