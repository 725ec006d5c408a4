import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Event, RunView } from "../api/schema.gen";
import { money } from "../budget/share";
import { count } from "../text/format";
import { AgentName } from "./agent-name";
import { Card } from "./page";
import { Fact, Id, Took, When } from "./values";

/** Who ran, on what, with which versions, at which cost. */
export function RunFacts({ run, events }: { run: RunView; events: readonly Event[] }): ReactNode {
  const spent = tally(events);
  return (
    <Card>
      <dl className="facts card-body">
        <Fact name="Agent">
          <AgentName id={run.agent_id} />
          {spent.agentVersion !== null && <span className="muted"> version {spent.agentVersion}</span>}
        </Fact>
        <Fact name="Session">
          <Id id={run.session_id} to={`/sessions/${run.session_id}`} what="session id" />
        </Fact>
        <Fact name="Queued">
          <When at={run.created_at} />
        </Fact>
        <Fact name="Took">
          <Took from={run.started_at} to={run.finished_at} />
        </Fact>
        <Fact name="Tokens">
          {count(spent.prompt + spent.completion)}
          <div className="muted small">
            {count(spent.prompt)} in ({count(spent.cached)} cached), {count(spent.completion)} out
          </div>
        </Fact>
        <Fact name="Cost">{spent.costMicros > 0 ? money(spent.costMicros) : "–"}</Fact>
        <Fact name="Steps, model calls, tool calls">
          {spent.steps}, {spent.modelCalls}, {spent.toolCalls}
        </Fact>
        <Fact name="Models">{spent.models.length > 0 ? spent.models.join(", ") : "–"}</Fact>
        <Fact name="Evolved tools">
          {spent.evolved.length === 0
            ? "–"
            : spent.evolved.map((tool) => (
                <div key={tool.id}>
                  <Link to={`/tools/${tool.id}`}>{tool.name}</Link>{" "}
                  <span className="muted">version {tool.version}</span>
                </div>
              ))}
        </Fact>
        <Fact name="Memories recalled">{spent.recalled}</Fact>
        <Fact name="Worker">
          <span className="mono">{run.worker_id ?? "–"}</span>
          {run.generation > 1 && <div className="muted small">claimed {run.generation} times</div>}
        </Fact>
      </dl>
    </Card>
  );
}

function tally(events: readonly Event[]) {
  const sum = {
    steps: 0,
    modelCalls: 0,
    toolCalls: 0,
    prompt: 0,
    completion: 0,
    cached: 0,
    recalled: 0,
    costMicros: 0,
  };
  const models = new Set<string>();
  const evolved = new Map<string, { id: string; name: string; version: number }>();
  let agentVersion: number | null = null;
  for (const { payload: p } of events) {
    if (p.type === "run.queued") agentVersion = p.agent_version;
    if (p.type === "step.started") sum.steps += 1;
    if (p.type === "tool.called") sum.toolCalls += 1;
    if (p.type === "memory.recalled") sum.recalled += p.items.length;
    if (p.type === "capability.activated" || p.type === "capability.reused") {
      evolved.set(p.tool_id, { id: p.tool_id, name: p.name, version: p.version });
    }
    if (p.type === "model.called") {
      models.add(p.model);
      sum.modelCalls += 1;
      sum.prompt += p.usage.prompt_tokens;
      sum.completion += p.usage.completion_tokens;
      sum.cached += p.usage.cached_tokens;
      sum.costMicros += p.cost_micros ?? 0;
    }
  }
  return { ...sum, agentVersion, models: [...models], evolved: [...evolved.values()] };
}
