import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import type { AdmissionView, AdmissionWrite } from "../api/schema.gen";
import { Meter } from "../budget/meter";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { Card } from "../components/page";
import { Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { isWhole, whole } from "./limit-texts";

const admissionQuery = queryOptions({
  queryKey: ["admission"],
  queryFn: () => body(api.GET("/v1/admin/admission")),
  refetchInterval: 5_000,
});

/** How many runs of this tenant run and wait, and how many may. */
export function Queue(): ReactNode {
  const query = useQuery(admissionQuery);
  const [changing, setChanging] = useState(false);
  return (
    <Card
      title="Queue of this tenant"
      aside={
        <span className="row">
          <Link to="/runs?status=queued">Queued runs</Link>
          <Link to="/runs?status=stuck">Stuck ones</Link>
          {query.data && (
            <button type="button" className="button" onClick={() => setChanging(true)}>
              Change
              <span className="visually-hidden"> how many runs may run and wait</span>
            </button>
          )}
        </span>
      }
    >
      <Loaded query={query}>
        {(admission) => (
          <>
            <div className="meters card-body">
              <Meter name="Runs under way" used={admission.running} bound={admission.max_concurrent_runs} />
              <Meter name="Queued runs" used={admission.queued} bound={admission.max_queued_runs} />
              <div className="meter">
                <span className="meter-name">Weight</span>
                <b>{admission.weight}</b>
                <span className="muted small">its share where tenants compete</span>
              </div>
            </div>
            {changing && <Change admission={admission} onClose={() => setChanging(false)} />}
          </>
        )}
      </Loaded>
    </Card>
  );
}

const MOST = { runs: 1_000_000, weight: 1_000 };

function Change({ admission, onClose }: { admission: AdmissionView; onClose: () => void }): ReactNode {
  const [running, setRunning] = useState(String(admission.max_concurrent_runs ?? ""));
  const [queued, setQueued] = useState(String(admission.max_queued_runs ?? ""));
  const [weight, setWeight] = useState(String(admission.weight));
  const unsaved = useUnsaved([running, queued, weight]);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const save = useMutation({
    mutationFn: (wanted: AdmissionWrite) => body(api.PUT("/v1/admin/admission", { body: wanted })),
    onSuccess: (changed) => {
      client.setQueryData(admissionQuery.queryKey, changed);
      tell("It holds for the next run; those under way go on");
      onClose();
    },
    onError: fail,
  });
  const faults = {
    running: isWhole(running, MOST.runs) ? undefined : "a whole number above 0, or nothing",
    queued: isWhole(queued, MOST.runs) ? undefined : "a whole number above 0, or nothing",
    weight: weight.trim() !== "" && isWhole(weight, MOST.weight) ? undefined : "a whole number from 1 to 1000",
  };
  return (
    <Dialog
      title="How many runs may run and wait"
      submit={save.isPending ? "Saving…" : "Save"}
      busy={save.isPending || Object.values(faults).some((fault) => fault !== undefined)}
      unsaved={unsaved}
      onSubmit={() =>
        save.mutate({
          max_concurrent_runs: whole(running),
          max_queued_runs: whole(queued),
          weight: whole(weight) ?? 1,
        })
      }
      onClose={onClose}
    >
      <TextField
        label="Runs under way"
        value={running}
        hint="empty: as many as the workers take"
        fault={faults.running}
        onChange={setRunning}
      />
      <TextField
        label="Queued runs"
        value={queued}
        hint="more are refused; empty: the server’s bound"
        fault={faults.queued}
        onChange={setQueued}
      />
      <TextField
        label="Weight"
        value={weight}
        hint="its share of the workers where tenants compete"
        fault={faults.weight}
        onChange={setWeight}
      />
    </Dialog>
  );
}
