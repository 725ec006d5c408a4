import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { runQuery } from "../api/queries";
import type { RunView } from "../api/schema.gen";
import { useCan } from "../shell/me";
import { ACTIVE } from "./status";
import { useToasts } from "./toasts";

const BY_STOP = new Set(["paused", "frozen"]);

/** Pause a run where it is, or let a paused or frozen one go on. */
export function PauseRun({ run, big = false }: { run: RunView; big?: boolean }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail } = useToasts();
  const isParked = run.status === "waiting" && BY_STOP.has(run.waiting_for?.kind ?? "");
  const change = useMutation({
    mutationFn: () => {
      const params = { path: { run_id: run.id } };
      return isParked
        ? body(api.POST("/v1/runs/{run_id}/resume", { params, body: { reason: "resumed in the admin UI" } }))
        : body(api.POST("/v1/runs/{run_id}/pause", { params, body: { reason: "paused in the admin UI" } }));
    },
    onSuccess: (changed) => {
      client.setQueryData(runQuery(run.id).queryKey, (known) => (known ? { ...known, ...changed } : undefined));
      void client.invalidateQueries({ queryKey: ["run", run.id] });
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
    onError: fail,
  });
  if (!ACTIVE.has(run.status) || !can("runs:write") || run.cancel_requested_at !== null) return null;
  const isPausing = !isParked && run.pause_requested_at !== null;
  return (
    <button
      type="button"
      className={`button${big ? " button-big" : ""}`}
      disabled={change.isPending || isPausing}
      onClick={() => change.mutate()}
    >
      {isParked ? "▶ Resume" : isPausing ? "Pausing…" : "❚❚ Pause"}
    </button>
  );
}
