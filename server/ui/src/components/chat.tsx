import { memo, type ReactNode } from "react";
import { Link } from "react-router";
import type { Item, Turn } from "../live/conversation";
import { duration } from "../text/format";
import { tame, visible } from "../text/visible";
import { Recalled } from "../timeline/span-detail";
import { CallFiles } from "./files";
import { Fork } from "./fork";
import { Prose } from "./prose";
import { Status } from "./status";
import { When } from "./values";

const LONG = 70; // characters of a note's detail that stand beside it unfolded

/** One run of a conversation: what was asked, what the agent did, what it said. */
export const TurnView = memo(function TurnView({
  turn,
  live,
  sessionId,
}: {
  turn: Turn;
  live: readonly string[];
  sessionId: string;
}): ReactNode {
  return (
    <article className="turn">
      {groups(turn.items).map((group) =>
        group.kind === "said" ? (
          <Said key={group.item.seq} item={group.item} />
        ) : (
          <div key={group.items[0]?.seq} className="trace">
            {group.items.map((item) => (
              <Trace key={item.seq} item={item} runId={turn.runId} />
            ))}
          </div>
        ),
      )}
      {live.map((text, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: texts that are being written keep their order
        <div key={index} className="bubble bubble-agent bubble-live" aria-live="off">
          <p className="wrap">
            {tame(text)}
            <span className="caret" aria-hidden="true" />
          </p>
        </div>
      ))}
      <End turn={turn} waits={live.length === 0} sessionId={sessionId} />
    </article>
  );
});

type Group =
  | { kind: "said"; item: Extract<Item, { kind: "user" | "answer" }> }
  | { kind: "trace"; items: Exclude<Item, { kind: "user" | "answer" }>[] };

function groups(items: readonly Item[]): Group[] {
  const made: Group[] = [];
  for (const item of items) {
    const last = made.at(-1);
    if (item.kind === "user" || item.kind === "answer") made.push({ kind: "said", item });
    else if (last?.kind === "trace") last.items.push(item);
    else made.push({ kind: "trace", items: [item] });
  }
  return made;
}

function Said({ item }: { item: Extract<Item, { kind: "user" | "answer" }> }): ReactNode {
  if (item.kind === "user") {
    return (
      <div className="bubble bubble-user">
        <span className={item.steers ? "small muted" : "visually-hidden"}>
          {item.steers ? "told while it worked: " : "User: "}
        </span>
        {tame(item.content)}
      </div>
    );
  }
  return (
    <div className="bubble bubble-agent">
      <span className="visually-hidden">Agent: </span>
      <Prose text={item.content} />
    </div>
  );
}

function Trace({ item, runId }: { item: Exclude<Item, { kind: "user" | "answer" }>; runId: string | null }): ReactNode {
  switch (item.kind) {
    case "recall":
      return (
        <details>
          <summary>
            <b>recalled {item.recall.items.length}</b>
            {item.recall.unavailable ? "memory was not available" : item.recall.low_confidence ? "low confidence" : ""}
          </summary>
          <div className="card-body">
            <Recalled recall={item.recall} />
          </div>
        </details>
      );
    case "call":
      return (
        <details>
          <summary>
            <b>{item.call.name}</b>
            <CallState item={item} />
          </summary>
          <pre>{visible(JSON.stringify(item.call.arguments, null, 2))}</pre>
          {item.result && <pre>{tame(item.result.content)}</pre>}
          {item.result && runId && <CallFiles runId={runId} seq={item.endSeq} end={item.result} />}
        </details>
      );
    case "note":
      if (item.detail.length > LONG) {
        return (
          <details>
            <summary>
              <NoteText item={item} />
            </summary>
            <p className={item.tone === "bad" ? "card-body small field-error" : "card-body small"}>
              {tame(item.detail)}
            </p>
          </details>
        );
      }
      return (
        <div className="trace-line">
          <NoteText item={item} />
          <span className={item.tone === "bad" ? "field-error" : ""}>{tame(item.detail)}</span>
        </div>
      );
  }
}

function NoteText({ item }: { item: Extract<Item, { kind: "note" }> }): ReactNode {
  return (
    <span className={item.tone === "bad" ? "field-error" : item.tone === "good" ? "note-good" : undefined}>
      {item.to ? <Link to={item.to}>{tame(item.text)}</Link> : tame(item.text)}
    </span>
  );
}

function CallState({ item }: { item: Extract<Item, { kind: "call" }> }): ReactNode {
  if (item.result === null) return <Status tone="busy">at work</Status>;
  const { outcome, duration_ms } = item.result;
  return (
    <>
      {outcome !== "ok" && <Status tone="bad">{outcome}</Status>}
      <span>{duration(duration_ms)}</span>
    </>
  );
}

function State({ turn }: { turn: Turn }): ReactNode {
  if (turn.isWaiting) return <Status tone="wait">waiting</Status>;
  return turn.isStarted ? <Status tone="busy">at work</Status> : <Status tone="quiet">queued</Status>;
}

function End({ turn, waits, sessionId }: { turn: Turn; waits: boolean; sessionId: string }): ReactNode {
  if (turn.runId === null) return null;
  const last = turn.items.findLast((item) => item.kind === "answer");
  if (turn.end === null) {
    return (
      <p className="row small muted">
        {waits && <State turn={turn} />}
        <Link to={`/runs/${turn.runId}`}>run</Link>
      </p>
    );
  }
  const words = turn.end.type.slice(4).replaceAll("_", " ");
  return (
    <>
      {turn.end.partial && last === undefined && (
        <div className="bubble bubble-agent muted">
          <Prose text={turn.end.partial} />
        </div>
      )}
      <p className="row small muted">
        {turn.end.type !== "run.succeeded" && (
          <Status tone={turn.end.type === "run.failed" ? "bad" : "quiet"}>{words}</Status>
        )}
        {turn.end.detail && <span>{tame(turn.end.detail)}</span>}
        <Link to={`/runs/${turn.runId}`}>run</Link>
        {last && <When at={last.at} />}
        <Fork sessionId={sessionId} seq={turn.lastSeq} />
      </p>
    </>
  );
}
