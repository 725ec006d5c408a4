import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { api, body, newId } from "../api/client";
import { useToasts } from "./toasts";

/** Says something in a session. A text that could not be sent stays, and sending it again does not double it. */
export function Composer({ sessionId }: { sessionId: string }): ReactNode {
  const [text, setText] = useState("");
  const attempt = useRef({ text: "", key: "" });
  const { fail } = useToasts();
  const send = useMutation({
    mutationFn: (content: string) => {
      if (attempt.current.text !== content) attempt.current = { text: content, key: newId() };
      const params = { path: { session_id: sessionId }, header: { "idempotency-key": attempt.current.key } };
      return body(
        api.POST("/v1/sessions/{session_id}/messages", {
          params,
          body: { content, limits: {}, priority: "interactive" },
        }),
      );
    },
    onSuccess: () => {
      attempt.current = { text: "", key: "" };
      setText("");
    },
    onError: fail,
  });
  function submit(event?: FormEvent): void {
    event?.preventDefault();
    if (text.trim() !== "" && !send.isPending) send.mutate(text);
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
      <button type="submit" className="button button-primary" disabled={text.trim() === "" || send.isPending}>
        Send
      </button>
    </form>
  );
}
