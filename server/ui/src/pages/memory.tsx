import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { api } from "../api/client";
import { memoryQuery, sourceEventsQuery } from "../api/queries";
import type { MemoryView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { Confirm } from "../components/dialog";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { useRemoval } from "../components/removal";
import { Empty, Loaded } from "../components/states";
import { Fact, Id, When } from "../components/values";
import { countedLabel } from "../labels/levels";
import { Marks } from "../labels/marks-view";
import { RaiseMemory } from "../labels/raise-memory";
import { EditMemory } from "../memory/edit";
import { Origin } from "../memory/origin-graph";
import { useCan } from "../shell/me";
import { tame } from "../text/visible";
import { SpanDetail } from "../timeline/span-detail";

export default function MemoryPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(memoryQuery(id));
  return (
    <LoadedPage query={query} title="Memory" crumb={{ to: "/memory", text: "Memory" }}>
      {(memory) => (
        <Page title={memory.title} crumb={{ to: "/memory", text: "Memory" }} actions={<Actions memory={memory} />}>
          <Card>
            <p className="card-body wrap">{tame(memory.content)}</p>
          </Card>
          <Card>
            <dl className="facts card-body">
              <Fact name="Kind">{memory.kind}</Fact>
              <Fact name="Who may recall it">{memory.visibility === "private" ? "its agent only" : "every agent"}</Fact>
              <Fact name="Trust">
                {memory.label ? <Marks label={countedLabel(memory)} /> : "not known, so untrusted"}
                {memory.label && memory.label.trust > 0 && "made by an agent of this server"}
              </Fact>
              <Fact name="Agent">
                <AgentName id={memory.agent_id} />
              </Fact>
              <Fact name="Happened">
                <When at={memory.occurred_at} />
              </Fact>
              <Fact name="Searchable">{memory.indexed_at ? <When at={memory.indexed_at} /> : "not yet"}</Fact>
              <Fact name="Session">
                <Id id={memory.session_id} to={`/sessions/${memory.session_id}`} what="session id" />
              </Fact>
              <Fact name="Run">
                <Id id={memory.run_id} to={`/runs/${memory.run_id}`} what="run id" />
              </Fact>
              <Fact name="Id">
                <Id id={memory.id} what="memory id" />
              </Fact>
            </dl>
          </Card>
          <Origin memory={memory} />
          <Sources memory={memory} />
        </Page>
      )}
    </LoadedPage>
  );
}

function Actions({ memory }: { memory: MemoryView }): ReactNode {
  return (
    <>
      <EditMemory memory={memory} />
      <RaiseMemory memory={memory} />
      <Forget memory={memory} />
    </>
  );
}

function Sources({ memory }: { memory: MemoryView }): ReactNode {
  const can = useCan();
  const query = useQuery({
    ...sourceEventsQuery(memory.session_id, memory.source_first_seq, memory.source_last_seq),
    enabled: can("sessions:read") && memory.source_kept,
  });
  if (!can("sessions:read")) return null;
  if (!memory.source_kept) {
    return (
      <Card title="Where it comes from">
        <Empty title={`Events ${memory.source_first_seq} to ${memory.source_last_seq} are no longer kept`} />
      </Card>
    );
  }
  return (
    <Card
      title={`Where it comes from: events ${memory.source_first_seq} to ${memory.source_last_seq}`}
      aside={<Link to={`/runs/${memory.run_id}`}>Open the run</Link>}
    >
      <Loaded query={query}>
        {(events) => {
          const told = events.filter((event) => TOLD.has(event.type));
          return told.length > 0 ? <SpanDetail events={told} /> : <Empty title="No message among these events" />;
        }}
      </Loaded>
    </Card>
  );
}

/** What people and tools said: the rest of a log is about how, not about what. */
const TOLD = new Set(["message.created", "message.completed", "tool.called", "tool.finished", "run.failed"]);

function Forget({ memory }: { memory: MemoryView }): ReactNode {
  const can = useCan();
  const forget = useRemoval({ key: ["memory", memory.id], list: ["memories"], to: "/memory" });
  if (!can("memories:write")) return null;
  return (
    <Confirm
      label="Delete"
      title="Delete this memory?"
      detail="No agent recalls it from now on. The session that it came from stays."
      onConfirm={() =>
        forget(
          () => api.DELETE("/v1/memories/{memory_id}", { params: { path: { memory_id: memory.id } } }),
          "The memory was deleted; no agent recalls it from now on",
        )
      }
    />
  );
}
