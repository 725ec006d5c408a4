import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { everyAgentQuery, everyToolQuery, runsQuery, sessionsQuery } from "../api/queries";
import { shortId } from "../text/format";
import { tame } from "../text/visible";
import { type Scope, useCan } from "./me";
import { type Entry, idEntries, matching, sessionEntry, together } from "./palette-entries";
import { PLACES } from "./sidebar";
import { type Found, useFound } from "./use-found";

const SHOWN = 40;
const KNOWN = 20; // at most, where the server found something besides
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
  const found = useFound(words);
  const shown = useMemo(
    () => together([...idEntries(words), ...matching(entries, words)], found.entries, KNOWN).slice(0, SHOWN),
    [entries, found.entries, words],
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
      <PaletteState found={found} isEmpty={shown.length === 0} />
    </dialog>
  );
}

function PaletteState({ found, isEmpty }: { found: Found; isEmpty: boolean }): ReactNode {
  return (
    <div role="status" className="palette-state muted">
      {found.isAsking && <p>Looking through runs, sessions and memories…</p>}
      {found.error && <p>Not everything could be searched: {found.error.message}.</p>}
      {isEmpty && !found.isAsking && !found.error && (
        <p>Nothing matches. The newest 5,000 runs and sessions are searched; what is older is found by its whole id.</p>
      )}
    </div>
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
      ...(sessions?.pages ?? []).flatMap((page) => page.items.map(sessionEntry)),
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
