import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { everyAgentQuery, everyToolQuery, memorySearchQuery, runsQuery, sessionsQuery } from "../api/queries";
import { shortId } from "../text/format";
import { tame } from "../text/visible";
import { type Scope, useCan } from "./me";
import { type Entry, idEntries, matching } from "./palette-entries";
import { PLACES } from "./sidebar";

const SHOWN = 30;
const ASK_AFTER_MS = 250;
const FEWEST_LETTERS = 3;
const ACTIONS: readonly (Entry & { readonly scope: Scope })[] = [
  { to: "/settings?tab=stops&do=freeze", text: "Freeze all side effects", kind: "action", scope: "stops:write" },
  { to: "/settings?tab=stops", text: "Stops in force: pause, cancel, lift", kind: "action", scope: "stops:write" },
  { to: "/sessions?new=1", text: "Start a session", kind: "action", scope: "runs:write" },
  { to: "/agents/new", text: "New agent", kind: "action", scope: "agents:write" },
  { to: "/policies/new", text: "New policy", kind: "action", scope: "policies:write" },
  { to: "/schedules/new", text: "New schedule", kind: "action", scope: "schedules:write" },
  { to: "/webhooks/new", text: "New webhook", kind: "action", scope: "webhooks:write" },
];

/** Ctrl-K: jump to a page, to anything by its id, to agents, tools, sessions, runs and memories by words. */
export function Palette({ onClose }: { onClose: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const navigate = useNavigate();
  const entries = useEntries();
  const memories = useMemories(words);
  const shown = useMemo(
    () => [...idEntries(words), ...matching(entries, words), ...memories].slice(0, SHOWN),
    [entries, memories, words],
  );
  const current = Math.min(at, shown.length - 1);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  });

  function go(entry: Entry | undefined): void {
    if (!entry) return;
    onClose();
    void navigate(entry.to);
  }
  function search(text: string): void {
    setWords(text);
    setAt(0);
  }
  function onKey(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && shown.length > 0) setAt((current + step + shown.length) % shown.length);
    else if (event.key === "Enter") go(shown[current]);
    else return;
    event.preventDefault();
  }
  return (
    <dialog ref={dialog} className="palette" aria-label="Jump to" onCancel={onClose} onClose={onClose}>
      <input
        role="combobox"
        aria-label="Jump to a page, an id, an agent, a tool, a session, a run or a memory"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={shown[current] ? `${list}-${current}` : undefined}
        placeholder="Page, id, agent, tool, session, run, memory…"
        autoComplete="off"
        spellCheck={false}
        value={words}
        onChange={(event) => search(event.target.value)}
        onKeyDown={onKey}
      />
      <div className="matches" id={list} role="listbox" aria-label="Matches" tabIndex={-1}>
        {shown.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus
          <div
            key={entry.to}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === current}
            onClick={() => go(entry)}
            onMouseMove={() => setAt(index)}
          >
            <span>{tame(entry.text)}</span>
            <span>{entry.kind}</span>
          </div>
        ))}
      </div>
      {shown.length === 0 && <p className="card-body muted">Nothing matches. Ids of what is older must be whole.</p>}
    </dialog>
  );
}

function useEntries(): Entry[] {
  const can = useCan();
  const agents = useQuery({ ...everyAgentQuery, enabled: can("agents:read") }).data;
  const tools = useQuery({ ...everyToolQuery, enabled: can("tools:read") }).data;
  const sessions = useInfiniteQuery({ ...sessionsQuery({}), enabled: can("sessions:read") }).data;
  const runs = useInfiniteQuery({ ...runsQuery({}), enabled: can("runs:read") }).data;
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  return useMemo(
    () => [
      ...PLACES.map((place) => ({ to: place.to, text: place.text, kind: "page" })),
      ...ACTIONS.filter((action) => can(action.scope)),
      ...(agents ?? []).map((agent) => ({
        to: `/agents/${agent.id}`,
        text: agent.name,
        kind: "agent",
        words: agent.id,
      })),
      ...(tools ?? []).map((tool) => ({ to: `/tools/${tool.id}`, text: tool.name, kind: "tool", words: tool.id })),
      ...(sessions?.pages ?? []).flatMap((page) =>
        page.items.map((session) => ({
          to: `/sessions/${session.id}`,
          text: session.title || `session ${shortId(session.id)}`,
          kind: "session",
          words: session.id,
        })),
      ),
      ...(runs?.pages ?? []).flatMap((page) =>
        page.items.map((run) => ({
          to: `/runs/${run.id}`,
          text: `Run ${shortId(run.id)} of ${names.get(run.agent_id) ?? "an agent"}`,
          kind: `run, ${run.status}`,
          words: `${run.id} ${run.output ?? ""}`,
        })),
      ),
    ],
    [agents, tools, sessions, runs, names, can],
  );
}

/** What memory finds, asked for when the words have stood for a moment. */
function useMemories(words: string): Entry[] {
  const can = useCan()("memories:read");
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(words.trim()), ASK_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [words]);
  const enabled = can && settled.length >= FEWEST_LETTERS && idEntries(settled).length === 0;
  const found = useQuery({ ...memorySearchQuery(settled, undefined), enabled, retry: false }).data;
  return useMemo(
    () =>
      enabled && found && !found.low_confidence
        ? found.items
            .slice(0, 5)
            .map(({ memory }) => ({ to: `/memory/${memory.id}`, text: memory.title, kind: "memory" }))
        : [],
    [enabled, found],
  );
}
