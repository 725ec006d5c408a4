import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link } from "react-router";
import { api, body, idempotencyKey } from "../api/client";
import { ApiError } from "../api/problem";
import type { AgentDetailView, AgentSpec } from "../api/schema.gen";
import { Card } from "../components/page";
import { Talk } from "../components/talk";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { draftName, draftSpec } from "./draft";
import { TextField } from "./fields";

/** Speak with an agent as its form says, before anybody else does, or as its version in use. */
export function TryOut({
  agent,
  spec,
  isReady,
}: {
  agent: AgentDetailView;
  spec: AgentSpec;
  isReady: boolean;
}): ReactNode {
  const can = useCan();
  const { fail } = useToasts();
  const [text, setText] = useState("");
  const [usesDraft, setUsesDraft] = useState(true);
  const [session, setSession] = useState<string | null>(null);
  const start = useMutation({
    mutationFn: async () => {
      const with_ = usesDraft ? await putDraft(agent, spec) : agent.id;
      const made = await body(
        api.POST("/v1/sessions", {
          params: { header: idempotencyKey() },
          body: { agent: with_, title: `trying ${agent.name}`, metadata: {}, message_policy: "enqueue" },
        }),
      );
      const params = { path: { session_id: made.id }, header: idempotencyKey() };
      const said = { content: text, limits: {}, priority: "interactive" } as const;
      await api.POST("/v1/sessions/{session_id}/messages", { params, body: said });
      return made.id;
    },
    onSuccess: (id) => {
      setSession(id);
      setText("");
    },
    onError: fail,
  });
  if (!can("sessions:write") || !can("runs:write") || !can("sessions:read")) return null;
  function submit(event: FormEvent): void {
    event.preventDefault();
    start.mutate();
  }
  return (
    <Card
      title="Try it"
      aside={
        session && (
          <span className="row small">
            <Link to={`/sessions/${session}`}>Open session</Link>
            <button type="button" className="button" onClick={() => setSession(null)}>
              Start over
            </button>
          </span>
        )
      }
    >
      {session ? (
        <div className="card-body try-out">
          <Talk key={session} sessionId={session} />
        </div>
      ) : (
        <form className="card-body stack" onSubmit={submit}>
          <fieldset className="filters" aria-label="What to try">
            {[true, false].map((draft) => (
              <button
                key={String(draft)}
                type="button"
                className="chip"
                aria-pressed={draft === usesDraft}
                onClick={() => setUsesDraft(draft)}
              >
                {draft ? "this draft" : `version ${agent.current_version}, in use`}
              </button>
            ))}
          </fieldset>
          <TextField label="Say something" rows={3} value={text} onChange={setText} />
          <button
            type="submit"
            className="button button-primary button-start"
            disabled={text.trim() === "" || start.isPending || (usesDraft && !isReady)}
          >
            {start.isPending ? "Starting…" : "Try"}
          </button>
          <p className="muted small">
            {usesDraft
              ? `The draft runs as the agent ${draftName(agent.name)} and remembers nothing, so that nobody else meets it.`
              : "It runs as everywhere else, and may remember what was said."}
          </p>
        </form>
      )}
    </Card>
  );
}

/** The draft as the next version of an agent of its own; that agent's id. */
async function putDraft(agent: AgentDetailView, spec: AgentSpec): Promise<string> {
  const name = draftName(agent.name);
  const draft = draftSpec(spec);
  try {
    const params = { path: { agent: name }, header: idempotencyKey() };
    return (await body(api.POST("/v1/agents/{agent}/versions", { params, body: { spec: draft } }))).agent_id;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const description = `Drafts of ${agent.name} that are tried out`;
    const params = { header: idempotencyKey() };
    return (await body(api.POST("/v1/agents", { params, body: { name, description, spec: draft } }))).id;
  }
}
