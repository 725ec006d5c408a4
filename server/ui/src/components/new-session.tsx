import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { api, body, newId } from "../api/client";
import { everyAgentQuery } from "../api/queries";
import { shortId } from "../text/format";
import { Dialog } from "./dialog";
import { useUnsaved } from "./leaving";
import { useToasts } from "./toasts";

const TITLE = 80;

/** Choose an agent and say the first thing. */
export function NewSession({ agent, onClose }: { agent: string | undefined; onClose: () => void }): ReactNode {
  const field = useId();
  const [chosen, setChosen] = useState(agent ?? "");
  const [message, setMessage] = useState("");
  const unsaved = useUnsaved(message);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail } = useToasts();
  const query = useQuery(everyAgentQuery);
  const agents = query.data ?? [];
  const attempt = useRef({ what: "", key: "" });
  const picked = chosen || agents[0]?.id || "";
  const start = useMutation({
    mutationFn: async () => {
      // Sent again after a fault, it goes on where it failed instead of leaving a second session behind.
      const what = `${picked} ${message}`;
      if (attempt.current.what !== what) attempt.current = { what, key: newId() };
      const { key } = attempt.current;
      const title = (message.trim().split("\n")[0] ?? "").slice(0, TITLE);
      const session = await body(
        api.POST("/v1/sessions", {
          params: { header: { "idempotency-key": key } },
          body: { agent: picked, title, metadata: {}, message_policy: "enqueue" },
        }),
      );
      if (message.trim() !== "") {
        const params = { path: { session_id: session.id }, header: { "idempotency-key": `${key}-said` } };
        await api.POST("/v1/sessions/{session_id}/messages", {
          params,
          body: { content: message, limits: {}, priority: "interactive" },
        });
      }
      return session;
    },
    onSuccess: (session) => {
      void client.invalidateQueries({ queryKey: ["sessions"] });
      unsaved.release();
      void navigate(`/sessions/${session.id}`);
    },
    onError: fail,
  });
  if (query.data && agents.length === 0) {
    return (
      <Dialog title="Start a session" submit={null} onSubmit={onClose} onClose={onClose}>
        <p>
          There is no agent yet. <Link to="/agents/new">Define one</Link> first.
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog
      title="Start a session"
      submit={start.isPending ? "Starting…" : "Start"}
      busy={start.isPending || picked === ""}
      unsaved={unsaved}
      onSubmit={() => start.mutate()}
      onClose={onClose}
    >
      <div className="field">
        <label htmlFor={`${field}-agent`}>Agent</label>
        <select
          id={`${field}-agent`}
          className="input"
          value={picked}
          onChange={(event) => setChosen(event.target.value)}
        >
          {picked !== "" && !agents.some((each) => each.id === picked) && (
            <option value={picked}>{shortId(picked)}</option>
          )}
          {agents.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
              {each.description && ` – ${each.description}`}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${field}-message`}>First message</label>
        <textarea
          id={`${field}-message`}
          className="input"
          rows={4}
          maxLength={100_000}
          value={message}
          onChange={(event) => setMessage(event.target.value)}
        />
        <span className="hint">It starts a run. Left empty, the session waits for you.</span>
      </div>
    </Dialog>
  );
}
