import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { meQuery } from "../api/queries";
import { freeze, stopAll, stopsQuery } from "../api/stops";
import { Confirm } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { plural } from "../text/format";

const WHY = "Why (kept with the order, shown to everybody)";

/** Freeze every side effect of the installation; `open` shows the question at once. */
export function FreezeButton({ open = false, onClose }: { open?: boolean; onClose?: () => void }): ReactNode {
  const place = usePlace();
  const can = useCan();
  const operates = useQuery(meQuery).data?.operates ?? false;
  if (!can("stops:write") || !operates) return null;
  return (
    <Confirm
      label="Freeze all side effects"
      className="button button-stop"
      title="Freeze all side effects?"
      detail="In the whole installation, for every tenant: no run starts, and running ones park before their next side effect. Nothing that was committed is lost. It stays until it is lifted."
      reason={WHY}
      open={open}
      {...(onClose ? { onClose } : {})}
      onConfirm={(reason) => place(() => freeze(reason), "Side effects are frozen")}
    />
  );
}

/** Pause or cancel all unfinished runs of an agent, or of the tenant without one. */
export function StopAllButtons({ agent, name }: { agent?: string; name: string }): ReactNode {
  const place = usePlace();
  const can = useCan();
  if (!can(agent === undefined ? "stops:write" : "runs:write")) return null;
  return (
    <>
      <Confirm
        label={agent === undefined ? "Pause all runs" : "Pause agent"}
        className="button"
        title={`Pause all runs of ${name}?`}
        detail="Runs under way park where they are, their text kept; new ones stay queued. It stays until it is lifted."
        reason={WHY}
        onConfirm={(reason) => place(() => stopAll("pause", reason, agent), `Runs of ${name} are paused`)}
      />
      <Confirm
        label={agent === undefined ? "Cancel all runs" : "Cancel its runs"}
        title={`Cancel all unfinished runs of ${name}?`}
        detail="They end for good, with what they had written. Runs that are submitted later start as usual."
        reason="Why (kept in each run’s log)"
        onConfirm={(reason) =>
          place(
            () => stopAll("cancel", reason, agent),
            (count) => `${plural(Number(count), "run")} cancelled`,
          )
        }
      />
    </>
  );
}

function usePlace(): <T>(act: () => Promise<T>, done: string | ((result: T) => string)) => Promise<boolean> {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  return async (act, done) => {
    try {
      const result = await act();
      tell(typeof done === "string" ? done : done(result));
    } catch (error) {
      fail(error as Error);
      return false;
    }
    await client.invalidateQueries({ queryKey: stopsQuery.queryKey });
    void client.invalidateQueries({ queryKey: ["runs"] });
    return true;
  };
}
