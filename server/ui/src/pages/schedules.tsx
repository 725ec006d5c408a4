import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { schedulesQuery } from "../api/schedules";
import type { ScheduleView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { LastResult } from "../schedules/last-result";
import { timingWords } from "../schedules/timing";
import { useCan } from "../shell/me";

export default function Schedules(): ReactNode {
  const can = useCan();
  const query = useInfiniteQuery(schedulesQuery);
  const create = can("schedules:write") && (
    <Link className="button button-primary" to="/schedules/new">
      New schedule
    </Link>
  );
  return (
    <Page title="Schedules" actions={create}>
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title="No schedule yet">
              <p>A schedule submits a task at due times: by calendar, at an interval, or once.</p>
              {create}
            </Empty>
          }
        >
          {(schedules) => <ScheduleTable schedules={schedules} />}
        </Paged>
      </Card>
    </Page>
  );
}

function ScheduleTable({ schedules }: { schedules: readonly ScheduleView[] }): ReactNode {
  return (
    <TableBox label="Schedules">
      <thead>
        <tr>
          <th>Name</th>
          <th>Next</th>
          <th>Last result</th>
          <th className="wide">When</th>
          <th className="wide">Agent</th>
          <th className="wide">Task</th>
        </tr>
      </thead>
      <tbody>
        {schedules.map((schedule) => (
          <tr key={schedule.id}>
            <td>
              <Link to={`/schedules/${schedule.id}`}>{schedule.name}</Link>
            </td>
            <td>
              <NextDue schedule={schedule} />
            </td>
            <td>
              <LastResult id={schedule.id} />
            </td>
            <td className="wide mono">{timingWords(schedule.timing)}</td>
            <td className="wide">
              <AgentName id={schedule.agent_id} />
            </td>
            <td className="wide">
              <span className="clip clip-result muted">{schedule.input}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

export function NextDue({ schedule }: { schedule: ScheduleView }): ReactNode {
  if (schedule.paused_at !== null) return <Status tone="wait">paused</Status>;
  if (schedule.next_due_at === null) return <Status tone="quiet">done</Status>;
  return <When at={schedule.next_due_at} />;
}
