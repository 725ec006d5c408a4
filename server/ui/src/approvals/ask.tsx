import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Link } from "react-router";
import { type Approval, type Decision, decide } from "../api/approvals";
import { AgentName } from "../components/agent-name";
import { useUnsaved } from "../components/leaving";
import { Card } from "../components/page";
import { Json } from "../components/prose";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { useCan } from "../shell/me";
import { visible } from "../text/visible";
import { Changes } from "./changes";
import { Decided } from "./decided";
import { Taint } from "./taint";
import { decisionOf, riskWords, WAYS } from "./words";

const NEEDS_ANSWER = new Set<Decision>(["answer"]);

/** One thing that is asked: the exact effect, and the ways to decide. */
export function Ask({
  approval,
  onDecided,
}: {
  approval: Approval;
  onDecided: (changed: Approval) => void;
}): ReactNode {
  return (
    <Card
      title={titleOf(approval)}
      aside={
        <span className="row">
          <Risk approval={approval} />
          {approval.status !== "pending" && <Outcome approval={approval} />}
        </span>
      }
    >
      <div className="card-body stack">
        <p className="wrap">{visible(approval.reason)}</p>
        {approval.kind !== "question" && (
          <>
            <span className="label">Exactly this call</span>
            <pre className="raw ask-call">
              {approval.tool}({visible(JSON.stringify(approval.arguments, null, 2))})
            </pre>
            {approval.kind === "call" && <Changes approval={approval} />}
          </>
        )}
        <dl className="facts">
          <Fact name="Agent">
            <AgentName id={approval.agent_id} />
          </Fact>
          <Fact name="Run">
            <Id id={approval.run_id} to={`/runs/${approval.run_id}`} what="run id" />
          </Fact>
          <Fact name="Session">
            <Link to={`/sessions/${approval.session_id}`}>{visible(approval.session_title) || "untitled"}</Link>
          </Fact>
          <Fact name="Asked">
            <When at={approval.requested_at} />
          </Fact>
          <Fact name={approval.closed_at ? "Closed" : "Expires, which means no"}>
            <When at={approval.closed_at ?? approval.expires_at} />
          </Fact>
          {approval.persons > 1 && (
            <Fact name="People">
              {approval.persons_missing} of {approval.persons} still needed
            </Fact>
          )}
          {approval.started_at && (
            <Fact name="The call began">
              <When at={approval.started_at} /> on {approval.worker_id}
            </Fact>
          )}
          <Taint approval={approval} />
          <Fact name="Bound to">
            <Id id={approval.call_sha256} what="hash of the call" />
          </Fact>
        </dl>
        <Decided approval={approval} />
        {approval.allowed.length > 0 && <Decide key={approval.id} approval={approval} onDecided={onDecided} />}
        <details>
          <summary className="small muted">as stored</summary>
          <Json value={approval} />
        </details>
      </div>
    </Card>
  );
}

function titleOf(approval: Approval): string {
  if (approval.kind === "question") return `${approval.agent_name} asks`;
  return approval.kind === "call" ? `May ${approval.tool} be called?` : `What became of ${approval.tool}?`;
}

export function Risk({ approval }: { approval: Approval }): ReactNode {
  if (approval.kind === "question") return <Status tone="busy">question</Status>;
  const tone = approval.side_effect >= 3 ? "bad" : approval.side_effect === 2 ? "wait" : "ok";
  return <Status tone={tone}>{riskWords(approval.side_effect)}</Status>;
}

/** What became of it. */
export function Outcome({ approval }: { approval: Approval }): ReactNode {
  const isGood = approval.status === "approved" || approval.status === "answered";
  return <Status tone={isGood ? "ok" : approval.status === "denied" ? "bad" : "quiet"}>{approval.status}</Status>;
}

function Decide({ approval, onDecided }: { approval: Approval; onDecided: (changed: Approval) => void }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const field = useId();
  const [reason, setReason] = useState("");
  const [answer, setAnswer] = useState("");
  const { release } = useUnsaved([reason, answer]);
  const takesAnswer = approval.allowed.some((each) => NEEDS_ANSWER.has(each) || each === "happened");
  const go = useMutation({
    mutationFn: (decision: Decision) =>
      decide(approval.id, decision, reason.trim(), takesAnswer && answer.trim() !== "" ? answer.trim() : null),
    onSuccess: (changed) => {
      tell(changed.status === "pending" ? "Noted; another person is needed" : `It is ${changed.status}`);
      release();
      onDecided(changed);
    },
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ["approvals"] }),
  });
  const isOff = (decision: Decision) => go.isPending || (NEEDS_ANSWER.has(decision) && answer.trim() === "");
  useDecisionKeys(approval.allowed, can("approvals:decide") && !go.isPending, (decision) => go.mutate(decision));
  if (!can("approvals:decide")) return <p className="muted">Deciding needs a key with the scope approvals:decide.</p>;
  return (
    <div className="stack">
      {takesAnswer && (
        <div className="field">
          <label htmlFor={`${field}-answer`}>
            {approval.kind === "question" ? "Answer" : "What came of it, if known"}
          </label>
          <textarea
            id={`${field}-answer`}
            className="input"
            rows={2}
            maxLength={4_000}
            value={answer}
            onChange={(event) => setAnswer(event.target.value)}
          />
          {approval.choices.length > 0 && (
            <span className="row">
              {approval.choices.map((choice) => (
                <button key={choice} type="button" className="chip" onClick={() => setAnswer(choice)}>
                  {choice}
                </button>
              ))}
            </span>
          )}
        </div>
      )}
      <div className="field">
        <label htmlFor={field}>Reason</label>
        <input
          id={field}
          className="input"
          maxLength={500}
          placeholder="kept in the log beside your name"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      <div className="row">
        {approval.allowed.map((decision) => (
          <button
            key={decision}
            type="button"
            className={`button button-big ${WAYS[decision].danger ? "button-danger" : "button-primary"}`}
            disabled={isOff(decision)}
            onClick={() => go.mutate(decision)}
          >
            {WAYS[decision].text}
            {WAYS[decision].key && <kbd>{WAYS[decision].key}</kbd>}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Keys decide while nothing is being typed and no dialog is open. */
function useDecisionKeys(allowed: readonly Decision[], isOn: boolean, go: (decision: Decision) => void): void {
  const latest = useRef(go);
  latest.current = go;
  useEffect(() => {
    if (!isOn) return;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const decision = decisionOf(event.key, allowed);
      if (decision === null) return;
      event.preventDefault();
      latest.current(decision);
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [allowed, isOn]);
}

export function isTyping(event: KeyboardEvent): boolean {
  const at = event.target;
  return (
    (at instanceof HTMLElement && at.matches("input, textarea, select, [contenteditable]")) ||
    document.querySelector("dialog[open]") !== null
  );
}
