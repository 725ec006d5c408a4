import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { api, body, newId } from "../api/client";
import { useUnsaved } from "./leaving";
import { useToasts } from "./toasts";

/** How something is said while a run is at work: to it, after it, or in its place. */
type Way = "send" | "steer" | "interrupt";

/**
 * Says something in a session. A text that could not be sent stays, and sending it again does not double it.
 * `active` is the run that is at work, which can be told something meanwhile, or interrupted.
 */
export function Composer({
  sessionId,
  active,
  asks,
}: {
  sessionId: string;
  active: string | null;
  /** Whether a text that was not sent is asked about before the page is left. */
  asks: boolean;
}): ReactNode {
  const [text, setText] = useState("");
  useUnsaved(asks ? text.trim() : "");
  const attempt = useRef({ what: "", key: "" });
  const { fail, tell } = useToasts();
  const send = useMutation({
    mutationFn: async (way: Way) => {
      const what = `${way} ${text}`;
      if (attempt.current.what !== what) attempt.current = { what, key: newId() };
      const header = { "idempotency-key": attempt.current.key };
      if (way === "steer" && active !== null) {
        const params = { path: { run_id: active }, header };
        await body(api.POST("/v1/runs/{run_id}/steer", { params, body: { content: text } }));
        tell("Its next model call sees it");
        return;
      }
      const params = { path: { session_id: sessionId }, header };
      const said = { content: text, limits: {}, priority: "interactive" } as const;
      const given = way === "interrupt" ? { ...said, message_policy: "interrupt" as const } : said;
      await body(api.POST("/v1/sessions/{session_id}/messages", { params, body: given }));
    },
    onSuccess: () => {
      attempt.current = { what: "", key: "" };
      setText("");
    },
    onError: fail,
  });
  const isOff = text.trim() === "" || send.isPending;
  function submit(event?: FormEvent): void {
    event?.preventDefault();
    if (!isOff) send.mutate("send");
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  }
  return (
    <form onSubmit={submit} className="composer-box">
      <textarea
        aria-label="Message"
        placeholder="Say something. Enter sends, Shift+Enter breaks the line."
        rows={1}
        maxLength={100_000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKey}
      />
      {active !== null && (
        <>
          <button
            type="button"
            className="button"
            title="Tell the run that is at work: its next model call sees it"
            disabled={isOff}
            onClick={() => send.mutate("steer")}
          >
            Steer
          </button>
          <button
            type="button"
            className="button"
            title="Stop the run that is at work, keep what was said, and answer this"
            disabled={isOff}
            onClick={() => send.mutate("interrupt")}
          >
            Interrupt
          </button>
        </>
      )}
      <button
        type="submit"
        className="button button-primary"
        title={active === null ? undefined : "Answered after the run that is at work"}
        disabled={isOff}
      >
        Send
      </button>
    </form>
  );
}
