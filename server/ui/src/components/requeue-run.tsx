import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "../api/client";
import { useCan } from "../shell/me";
import { Confirm } from "./dialog";
import { useToasts } from "./toasts";

/** Sends a run's wake-up again; a worker that may live keeps it unless that is taken from it, which is asked. */
export function RequeueRun({ id, isHeld, big = false }: { id: string; isHeld: boolean; big?: boolean }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  if (!can("runs:write")) return null;
  async function go(): Promise<void> {
    try {
      await api.POST("/v1/runs/{run_id}/requeue", { params: { path: { run_id: id } }, body: { force: isHeld } });
      tell("It is looked at again");
    } catch (error) {
      fail(error as Error);
    }
    await client.invalidateQueries({ predicate: ({ queryKey }) => ["stuck", "run"].includes(`${queryKey[0]}`) });
  }
  return (
    <Confirm
      label="Requeue"
      className={big ? "button button-big" : "button"}
      title="Requeue this run?"
      detail={
        isHeld
          ? "It is taken from its worker, which may still be at work; another goes on from the log. Nothing that was committed is repeated."
          : "Its wake-up is sent again; a worker goes on from the log."
      }
      onConfirm={go}
    />
  );
}
