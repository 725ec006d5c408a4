import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { meQuery, workersQuery } from "../api/queries";
import type { WorkerView } from "../api/schema.gen";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { StateBadge } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { plural } from "../text/format";
import { Queue } from "./queue";

export function Workers(): ReactNode {
  return (
    <>
      <Queue />
      <Answering />
    </>
  );
}

function Answering(): ReactNode {
  const query = useQuery(workersQuery);
  return (
    <Card title="Workers that answer now" aside={query.data && <span className="muted">{load(query.data.items)}</span>}>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No worker answers">
              <p>
                Queued runs wait until one does. Start one with <code>hortus worker</code>.
              </p>
            </Empty>
          ) : (
            <TableBox label="Workers">
              <thead>
                <tr>
                  <th>Worker</th>
                  <th>State</th>
                  <th className="wide">Queues</th>
                  <th className="number">Runs</th>
                  <th className="number wide">Seen</th>
                  <ActionsHead />
                </tr>
              </thead>
              <tbody>
                {items.map((worker) => (
                  <Row key={worker.id} worker={worker} />
                ))}
              </tbody>
            </TableBox>
          )
        }
      </Loaded>
    </Card>
  );
}

function load(workers: readonly WorkerView[]): string {
  const active = workers.reduce((sum, worker) => sum + worker.active, 0);
  return `${plural(workers.length, "worker")}, ${plural(active, "run")} in progress`;
}

function Row({ worker }: { worker: WorkerView }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const operates = useQuery(meQuery).data?.operates ?? false;
  const isDraining = worker.state === "draining";
  const change = useMutation({
    mutationFn: () => {
      const params = { path: { worker: worker.id } };
      return isDraining
        ? body(api.POST("/v1/admin/workers/{worker}/resume", { params }))
        : body(api.POST("/v1/admin/workers/{worker}/drain", { params }));
    },
    onSuccess: (changed) => {
      tell(changed.state === "draining" ? "It finishes what it runs and takes nothing new" : "It takes runs again");
      void client.invalidateQueries({ queryKey: ["workers"] });
    },
    onError: fail,
  });
  return (
    <tr>
      <td className="mono">{worker.id}</td>
      <td>
        <StateBadge state={worker.state} />
      </td>
      <td className="wide muted">{worker.queues.join(", ")}</td>
      <td className="number">
        {worker.active} of {worker.concurrency}
      </td>
      <td className="number wide">
        <When at={worker.seen_at} />
      </td>
      <td className="number">
        {operates && (
          <button type="button" className="button" disabled={change.isPending} onClick={() => change.mutate()}>
            {isDraining ? "Resume" : "Drain"}
          </button>
        )}
      </td>
    </tr>
  );
}
