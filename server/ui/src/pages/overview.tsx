import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { overviewQuery, type RunStatus, readinessQuery, runsQuery } from "../api/queries";
import type { OverviewView, ReadinessView } from "../api/schema.gen";
import { money } from "../budget/share";
import { RunCharts } from "../charts/run-charts";
import { Card, Page, TableBox } from "../components/page";
import { RunTable } from "../components/run-table";
import { Empty, Loaded } from "../components/states";
import { ACTIVE, RUN_STATUSES, StateBadge, statusWords } from "../components/status";
import { Endpoints } from "../settings/endpoints";
import { useCan } from "../shell/me";
import { count, duration } from "../text/format";

const TILE_TONES: Partial<Record<string, string>> = { failed: "tile-bad", running: "tile-busy", waiting: "tile-wait" };

const BRIEF = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const ENDED = RUN_STATUSES.filter((status) => !ACTIVE.has(status));

export function Overview(): ReactNode {
  const can = useCan();
  const readiness = useQuery(readinessQuery);
  const runs = useInfiniteQuery(runsQuery({}));
  return (
    <Page title="Overview">
      {can("admin") && (
        <div className="counts">
          <Counts />
        </div>
      )}
      {can("runs:read") && <RunCharts />}
      <Card title="Components" aside={readiness.data && <StateBadge state={readiness.data.state} />}>
        <Loaded query={readiness}>{(data) => <Components data={data} />}</Loaded>
      </Card>
      {can("admin") && <Endpoints isLinked />}
      {can("runs:read") && (
        <Card title="Latest runs" aside={<Link to="/runs">All runs</Link>}>
          <Loaded query={runs}>
            {(data) => {
              const items = data.pages[0]?.items.slice(0, 8) ?? [];
              return items.length > 0 ? <RunTable runs={items} /> : <NoRuns />;
            }}
          </Loaded>
        </Card>
      )}
    </Page>
  );
}

export function NoRuns(): ReactNode {
  const can = useCan();
  const mayStart = can("sessions:write") && can("runs:write") && can("agents:read");
  return (
    <Empty title="No run yet">
      <p>A run begins when somebody says something in a session, or when an application calls POST /v1/runs.</p>
      {mayStart && (
        <Link className="button button-primary" to="/sessions?new=1">
          Start a session
        </Link>
      )}
    </Empty>
  );
}

function Counts(): ReactNode {
  const overview = useQuery(overviewQuery);
  return (
    <Loaded query={overview}>
      {(data) => (
        <section className="tile-groups" aria-label="Numbers">
          <TileGroup name="Now">
            <Tile to="/runs?status=queued" value={data.queue_depth} name="in the queue" />
            {runTile(data, "running")}
            {runTile(data, "waiting")}
          </TileGroup>
          <TileGroup name="Last hour">
            {ENDED.map((status) => runTile(data, status))}
            <Tile to="/settings?tab=budget" value={data.tokens_last_hour} name="tokens" show={BRIEF.format} />
            <Tile to="/settings?tab=budget" value={data.cost_micros_last_hour} name="cost" show={money} />
            <Tile to="/runs?status=stuck" value={data.recovered_last_hour} name="recovered" />
          </TileGroup>
          <TileGroup name="Kept">
            <Tile to="/agents" value={data.agents} name="agents" />
            <Tile to="/sessions" value={data.sessions} name="sessions" />
            <Tile to="/tools" value={data.tools_active} name="active tools" />
            <Tile to="/memory" value={data.memories} name="memories" />
          </TileGroup>
        </section>
      )}
    </Loaded>
  );
}

function TileGroup({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <section className="tile-group" aria-label={name}>
      <h2>{name}</h2>
      <div className="tiles">{children}</div>
    </section>
  );
}

function runTile(data: OverviewView, status: RunStatus): ReactNode {
  const value = data.runs_by_status[status] ?? 0;
  const tone = value > 0 ? TILE_TONES[status] : undefined;
  return <Tile key={status} to={`/runs?status=${status}`} value={value} name={statusWords(status)} tone={tone} />;
}

function Tile({
  to,
  value,
  name,
  tone,
  show = count,
}: {
  to: string;
  value: number;
  name: string;
  tone?: string | undefined;
  show?: (value: number) => string;
}): ReactNode {
  return (
    <Link to={to} className={tone ? `tile ${tone}` : "tile"}>
      <b>{show(value)}</b>
      <span>{name}</span>
    </Link>
  );
}

function Components({ data }: { data: ReadinessView }): ReactNode {
  return (
    <TableBox label="Components">
      <thead>
        <tr>
          <th>Component</th>
          <th>State</th>
          <th>Says</th>
          <th className="number">Latency</th>
        </tr>
      </thead>
      <tbody>
        {data.components.map((component) => (
          <tr key={component.component}>
            <td>
              {component.component}
              {component.required && <span className="muted small"> (required)</span>}
            </td>
            <td>
              <StateBadge state={component.state} />
            </td>
            <td className="muted">{component.detail}</td>
            <td className="number">{duration(component.latency_ms)}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
