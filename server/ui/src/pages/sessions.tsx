import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { sessionsQuery } from "../api/queries";
import type { SessionView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { AgentSelect } from "../components/agent-select";
import { NewSession } from "../components/new-session";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { count } from "../text/format";
import { tame } from "../text/visible";

export default function Sessions(): ReactNode {
  const [params, setParams] = useSearchParams();
  const can = useCan();
  const agent = params.get("agent") ?? undefined;
  const query = useInfiniteQuery(sessionsQuery({ agent_id: agent }));
  const mayStart = can("sessions:write") && can("runs:write") && can("agents:read");
  function set(name: string, value: string | undefined): void {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next);
  }
  const start = mayStart && (
    <button type="button" className="button button-primary" onClick={() => set("new", "1")}>
      Start a session
    </button>
  );
  return (
    <Page title="Sessions" actions={start}>
      <div className="filters">
        <AgentSelect value={agent} onChange={(value) => set("agent", value)} />
      </div>
      <Card>
        <Paged
          query={query}
          empty={
            <Empty title={agent ? "No session with this agent" : "No session yet"}>
              <p>A session is a conversation with an agent; it owns one log of events.</p>
              {start}
            </Empty>
          }
        >
          {(sessions) => <SessionTable sessions={sessions} />}
        </Paged>
      </Card>
      {mayStart && params.has("new") && (
        <NewSession agent={params.get("with") ?? agent} onClose={() => setParams(agent ? { agent } : {})} />
      )}
    </Page>
  );
}

function SessionTable({ sessions }: { sessions: readonly SessionView[] }): ReactNode {
  return (
    <TableBox label="Sessions">
      <thead>
        <tr>
          <th>Title</th>
          <th>Agent</th>
          <th className="wide">Id</th>
          <th className="number wide">Events</th>
          <th className="number">Last changed</th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <tr key={session.id}>
            <td>
              <Link className="clip" to={`/sessions/${session.id}`}>
                {tame(session.title) || "untitled"}
              </Link>
            </td>
            <td>
              <AgentName id={session.agent_id} />
            </td>
            <td className="wide">
              <Id id={session.id} what="session id" />
            </td>
            <td className="number wide">{count(session.last_seq)}</td>
            <td className="number">
              <When at={session.updated_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
