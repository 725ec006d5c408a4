import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { memoriesQuery, memorySearchQuery } from "../api/queries";
import type { FoundMemoryView, MemoryView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { AgentSelect } from "../components/agent-select";
import { Card, Page, TableBox } from "../components/page";
import { Empty, Loaded, Paged } from "../components/states";
import { Status } from "../components/status";
import { When } from "../components/values";
import { countedLabel } from "../labels/levels";
import { Marks } from "../labels/marks-view";
import { MemoryMap } from "../memory/map";
import { reasonWords } from "../memory/reasons";
import { MemoryTimeline } from "../memory/timeline";
import { tame } from "../text/visible";

const VIEWS = ["list", "timeline", "map"] as const;
type View = (typeof VIEWS)[number];

export default function Memories(): ReactNode {
  const [params, setParams] = useSearchParams();
  const words = params.get("q") ?? "";
  const agent = params.get("agent") ?? undefined;
  const view = VIEWS.find((each) => each === params.get("view")) ?? "list";
  function set(change: { q?: string; agent?: string | undefined; view?: View | undefined }): void {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(change)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    setParams(next);
  }
  return (
    <Page title="Memory">
      <div className="filters">
        <Search key={words} words={words} onSearch={(q) => set({ q })} />
        <AgentSelect value={agent} onChange={(value) => set({ agent: value })} />
      </div>
      <fieldset className="filters" aria-label="Shown as">
        {VIEWS.map((each) => (
          <button
            key={each}
            type="button"
            className="chip"
            aria-pressed={each === view}
            onClick={() => set({ view: each === "list" ? undefined : each })}
          >
            {each}
          </button>
        ))}
      </fieldset>
      <Card title={words ? `Found for “${words}”` : "Newest"}>
        {words ? <Found words={words} agent={agent} view={view} /> : <Newest agent={agent} view={view} />}
      </Card>
    </Page>
  );
}

function Search({ words, onSearch }: { words: string; onSearch: (words: string) => void }): ReactNode {
  const [text, setText] = useState(words);
  function submit(event: FormEvent): void {
    event.preventDefault();
    onSearch(text.trim());
  }
  return (
    <search className="grow">
      <form className="row" onSubmit={submit}>
        <input
          className="input grow"
          type="search"
          aria-label="Search memory"
          placeholder="A question or some words"
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button button-primary">
          Search
        </button>
        {words && (
          <button type="button" className="button" onClick={() => onSearch("")}>
            Show all
          </button>
        )}
      </form>
    </search>
  );
}

function Found({ words, agent, view }: { words: string; agent: string | undefined; view: View }): ReactNode {
  const query = useQuery(memorySearchQuery(words, agent));
  return (
    <Loaded query={query}>
      {({ items, low_confidence }) => (
        <>
          {low_confidence && items.length > 0 && (
            <p className="card-body row">
              <Status tone="wait">low confidence</Status>
              <span className="muted">None of these may fit; an agent would be told so.</span>
            </p>
          )}
          {items.length === 0 ? (
            <Empty title="Nothing comes to mind">
              <p>Other words may find it. {agent && "Only what this agent may recall was searched."}</p>
            </Empty>
          ) : (
            <Shown memories={items.map((item) => item.memory)} found={items} view={view} />
          )}
        </>
      )}
    </Loaded>
  );
}

function Newest({ agent, view }: { agent: string | undefined; view: View }): ReactNode {
  const query = useInfiniteQuery(memoriesQuery({ agent_id: agent }));
  return (
    <Paged
      query={query}
      empty={
        <Empty title="Nothing is remembered yet">
          <p>Agents write an episode after each run, unless their definition says otherwise.</p>
        </Empty>
      }
    >
      {(memories) => <Shown memories={memories} view={view} />}
    </Paged>
  );
}

function Shown({
  memories,
  found,
  view,
}: {
  memories: readonly MemoryView[];
  found?: readonly FoundMemoryView[];
  view: View;
}): ReactNode {
  if (view === "timeline") return <MemoryTimeline memories={memories} />;
  if (view === "map") return <MemoryMap memories={memories} />;
  return <MemoryTable memories={memories} {...(found ? { found } : {})} />;
}

/** With `found` also how well each fits, and why it was found. */
function MemoryTable({
  memories,
  found,
}: {
  memories: readonly MemoryView[];
  found?: readonly FoundMemoryView[];
}): ReactNode {
  return (
    <TableBox label="Memories">
      <thead>
        <tr>
          {found && <th className="number">Score</th>}
          <th>Memory</th>
          <th className="wide">Kind</th>
          <th className="wide">Agent</th>
          <th className="number">Happened</th>
        </tr>
      </thead>
      <tbody>
        {memories.map((memory, index) => (
          <tr key={memory.id}>
            {found && <td className="number">{found[index]?.score.toFixed(2)}</td>}
            <td>
              <Link to={`/memory/${memory.id}`}>{tame(memory.title)}</Link> <Marks label={countedLabel(memory)} />
              <span className="clip clip-wide muted small">{tame(memory.content)}</span>
              {found && <span className="muted small">found by {reasonWords(found[index]?.why)}</span>}
            </td>
            <td className="wide">
              {memory.kind}
              {memory.visibility === "private" && <span className="muted">, private</span>}
              {memory.indexed_at === null && <span className="muted">, not searchable yet</span>}
            </td>
            <td className="wide">
              <AgentName id={memory.agent_id} />
            </td>
            <td className="number">
              <When at={memory.occurred_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
