import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { TextField } from "../agents/fields";
import { faultsOf, NAME } from "../agents/spec-form";
import { api, body, idempotencyKey } from "../api/client";
import { ApiError } from "../api/problem";
import { everyAgentQuery } from "../api/queries";
import { scheduleQuery } from "../api/schedules";
import type { ScheduleView } from "../api/schema.gen";
import { useUnsaved } from "../components/leaving";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { useToasts } from "../components/toasts";
import { emptyTiming, formOf, timingOf } from "../schedules/timing";
import { TimingFields } from "../schedules/timing-fields";
import { changesOf } from "../text/changes";

type Overlap = ScheduleView["overlap"];
type CatchUp = ScheduleView["catch_up"];

const OVERLAPS: readonly [Overlap, string][] = [
  ["skip", "let the due time go"],
  ["queue", "queue behind it in its session"],
  ["allow", "run beside it"],
  ["cancel_running", "cancel it"],
];
const CATCH_UPS: readonly [CatchUp, string][] = [
  ["one", "fire the last one late"],
  ["skip", "let them go"],
  ["all", "fire the last ten late"],
];

export default function EditSchedule(): ReactNode {
  const { id } = useParams();
  const query = useQuery({ ...scheduleQuery(id ?? ""), enabled: id !== undefined, refetchInterval: false });
  if (id === undefined) return <Editor schedule={null} />;
  return (
    <LoadedPage query={query} title="Edit schedule" crumb={{ to: "/schedules", text: "Schedules" }}>
      {(schedule) => <Editor key={schedule.id} schedule={schedule} />}
    </LoadedPage>
  );
}

function Editor({ schedule }: { schedule: ScheduleView | null }): ReactNode {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [base] = useState(schedule); // what the form began with, whatever is read meanwhile
  const [name, setName] = useState(schedule?.name ?? "");
  const [agent, setAgent] = useState("");
  const [input, setInput] = useState(schedule?.input ?? "");
  const [overlap, setOverlap] = useState<Overlap>(schedule?.overlap ?? "skip");
  const [catchUp, setCatchUp] = useState<CatchUp>(schedule?.catch_up ?? "one");
  const [form, setForm] = useState(() => (schedule ? formOf(schedule.timing, zone) : emptyTiming(zone)));
  const { release } = useUnsaved([name, agent, input, overlap, catchUp, form]);
  const agents = useQuery(everyAgentQuery).data ?? [];
  const picked = agent || agents[0]?.id || "";
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const timing = timingOf(form);
  const save = useMutation({
    mutationFn: () => {
      if (timing === null) throw new Error("the timing is not complete");
      const shared = { name, timing, input, overlap, catch_up: catchUp };
      if (base) {
        const params = { path: { schedule_id: base.id } };
        // A time as the form shows it has lost its seconds; it is not changed as long as the form's is not.
        const before = { ...base, timing: timingOf(formOf(base.timing, zone)) };
        return body(api.PATCH("/v1/schedules/{schedule_id}", { params, body: changesOf(before, shared) }));
      }
      const given = { ...shared, agent: picked, catch_up_limit: 10 };
      return body(api.POST("/v1/schedules", { params: { header: idempotencyKey() }, body: given }));
    },
    onSuccess: async (saved) => {
      void client.invalidateQueries({ queryKey: ["schedules"] });
      await client.invalidateQueries({ queryKey: ["schedule", saved.id] });
      tell(schedule ? "The next due time sees the change" : `${saved.name} is in force`);
      release();
      void navigate(`/schedules/${saved.id}`);
    },
    onError: fail,
  });
  const faults = faultsOf(save.error);
  const isTaken = save.error instanceof ApiError && save.error.code === "conflict";
  const nameFault = name !== "" && !NAME.test(name) ? "lower case letters, digits, . _ - only" : faults["name"];
  const isReady = NAME.test(name) && input.trim() !== "" && timing !== null && (schedule !== null || picked !== "");
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) save.mutate();
  }
  return (
    <Page
      title={schedule ? `Edit ${schedule.name}` : "New schedule"}
      crumb={
        schedule ? { to: `/schedules/${schedule.id}`, text: schedule.name } : { to: "/schedules", text: "Schedules" }
      }
    >
      <form className="stack" onSubmit={submit}>
        <Card title="What">
          <div className="card-body stack">
            <div className="fields">
              <TextField
                label="Name"
                value={name}
                fault={isTaken ? save.error?.message : nameFault}
                onChange={setName}
              />
              {schedule === null && (
                <Choice
                  label="Agent"
                  value={picked}
                  options={agents.map((each) => [each.id, each.name])}
                  onChange={setAgent}
                />
              )}
            </div>
            <TextField
              label="Task"
              rows={4}
              value={input}
              hint="what the agent is asked at each due time"
              fault={faults["input"]}
              onChange={setInput}
            />
          </div>
        </Card>
        <TimingFields form={form} onChange={setForm} />
        <Card title="When things go wrong">
          <div className="card-body fields">
            <Choice
              label="If the last run has not ended"
              value={overlap}
              options={OVERLAPS}
              onChange={(value) => setOverlap(value as Overlap)}
            />
            <Choice
              label="Due times missed while no worker ran"
              value={catchUp}
              options={CATCH_UPS}
              onChange={(value) => setCatchUp(value as CatchUp)}
            />
          </div>
        </Card>
        <div className="row">
          <button type="submit" className="button button-primary button-big" disabled={!isReady || save.isPending}>
            {save.isPending ? "Saving…" : schedule ? "Save" : "Create schedule"}
          </button>
          <Link className="button button-big" to={schedule ? `/schedules/${schedule.id}` : "/schedules"}>
            Cancel
          </Link>
        </div>
      </form>
    </Page>
  );
}

function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
