import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { api, body } from "../api/client";
import { dueQuery, firingsQuery, scheduleQuery } from "../api/schedules";
import type { FiringView, ScheduleView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { Confirm } from "../components/dialog";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page, TableBox } from "../components/page";
import { useRemoval } from "../components/removal";
import { Empty, Loaded, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { Outcome } from "../schedules/last-result";
import { timingWords } from "../schedules/timing";
import { DueTimes } from "../schedules/timing-fields";
import { useCan } from "../shell/me";
import { tame } from "../text/visible";

const OVERLAPS: Record<ScheduleView["overlap"], string> = {
  allow: "runs beside it",
  skip: "lets the due time go",
  queue: "queues behind it",
  cancel_running: "cancels it",
};

export default function SchedulePage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(scheduleQuery(id));
  return (
    <LoadedPage query={query} title="Schedule" crumb={{ to: "/schedules", text: "Schedules" }}>
      {(schedule) => <Detail schedule={schedule} />}
    </LoadedPage>
  );
}

function Detail({ schedule }: { schedule: ScheduleView }): ReactNode {
  return (
    <Page
      title={schedule.name}
      heading={
        <span className="row">
          {schedule.name}
          {schedule.paused_at && <Status tone="wait">paused</Status>}
          {!schedule.paused_at && schedule.next_due_at === null && <Status tone="quiet">done</Status>}
        </span>
      }
      crumb={{ to: "/schedules", text: "Schedules" }}
      actions={<Actions schedule={schedule} />}
    >
      <div className="halves">
        <Card title="Task">
          <p className="card-body wrap">{tame(schedule.input)}</p>
        </Card>
        <Next schedule={schedule} />
      </div>
      <Card>
        <dl className="facts card-body">
          <Fact name="When">
            <span className="mono">{timingWords(schedule.timing)}</span>
          </Fact>
          <Fact name="Agent">
            <AgentName id={schedule.agent_id} />
            <span className="muted">
              {" "}
              {schedule.agent_version ? `version ${schedule.agent_version}` : "version in use"}
            </span>
          </Fact>
          <Fact name="Session">
            {schedule.session_id ? (
              <Id id={schedule.session_id} to={`/sessions/${schedule.session_id}`} what="session id" />
            ) : (
              "one for each run"
            )}
          </Fact>
          <Fact name="If the last run has not ended">{OVERLAPS[schedule.overlap]}</Fact>
          <Fact name="Missed due times">
            {schedule.catch_up === "skip" && "are let go"}
            {schedule.catch_up === "one" && "the last one fires late"}
            {schedule.catch_up === "all" && `up to ${schedule.catch_up_limit} fire late`}
          </Fact>
          <Fact name="Changed">
            <When at={schedule.updated_at} />
          </Fact>
          <Fact name="Id">
            <Id id={schedule.id} what="schedule id" />
          </Fact>
        </dl>
      </Card>
      <History id={schedule.id} />
    </Page>
  );
}

function Next({ schedule }: { schedule: ScheduleView }): ReactNode {
  const query = useQuery(dueQuery(schedule.id));
  return (
    <Card title={schedule.paused_at ? "Next times, if it were resumed now" : "Next times"}>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No due time is left">
              <p>Edit it to give it a new timing, or delete it.</p>
            </Empty>
          ) : (
            <div className="card-body">
              <DueTimes items={items} />
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

function Actions({ schedule }: { schedule: ScheduleView }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const remove = useRemoval({ key: ["schedule", schedule.id], list: ["schedules"], to: "/schedules" });
  const params = { path: { schedule_id: schedule.id } };
  const toggle = useMutation({
    mutationFn: () =>
      schedule.paused_at
        ? body(api.POST("/v1/schedules/{schedule_id}/resume", { params }))
        : body(api.POST("/v1/schedules/{schedule_id}/pause", { params })),
    onSuccess: (changed) => {
      tell(changed.paused_at ? "It fires no more until it is resumed" : "It fires again from the next due time on");
      void client.invalidateQueries({ queryKey: ["schedule", schedule.id] });
      void client.invalidateQueries({ queryKey: ["schedules"] });
    },
    onError: fail,
  });
  if (!can("schedules:write")) return null;
  return (
    <>
      <button type="button" className="button" disabled={toggle.isPending} onClick={() => toggle.mutate()}>
        {schedule.paused_at ? "▶ Resume" : "❚❚ Pause"}
      </button>
      <Link className="button button-primary" to={`/schedules/${schedule.id}/edit`}>
        Edit
      </Link>
      <Confirm
        label="Delete"
        title={`Delete ${schedule.name}?`}
        detail="It fires no more, and the list of its firings is gone. Runs that it submitted stay."
        onConfirm={() =>
          remove(
            () => api.DELETE("/v1/schedules/{schedule_id}", { params }),
            `${schedule.name} was deleted; its runs stay`,
          )
        }
      />
    </>
  );
}

function History({ id }: { id: string }): ReactNode {
  const query = useInfiniteQuery(firingsQuery(id));
  return (
    <Card title="What became of its due times">
      <Paged
        query={query}
        empty={
          <Empty title="It has not fired yet">
            <p>Beat looks once a second for what is due. If a due time has passed, look at the workers.</p>
          </Empty>
        }
      >
        {(firings) => <Firings firings={firings} />}
      </Paged>
    </Card>
  );
}

function Firings({ firings }: { firings: readonly FiringView[] }): ReactNode {
  return (
    <TableBox label="Firings">
      <thead>
        <tr>
          <th>Due</th>
          <th>Result</th>
          <th>Run</th>
          <th className="wide">Reason</th>
        </tr>
      </thead>
      <tbody>
        {firings.map((firing) => (
          <tr key={firing.due_at}>
            <td>
              <When at={firing.due_at} />
            </td>
            <td>
              <Outcome firing={firing} />
            </td>
            <td>{firing.run_id ? <Id id={firing.run_id} to={`/runs/${firing.run_id}`} what="run id" /> : "–"}</td>
            <td className="wide muted">{firing.reason ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
