import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { api } from "../api/client";
import { sessionQuery } from "../api/queries";
import type { SessionView } from "../api/schema.gen";
import { SessionBudget } from "../budget/session-budget";
import { AgentName } from "../components/agent-name";
import { Confirm } from "../components/dialog";
import { Page } from "../components/page";
import { useRemoval } from "../components/removal";
import { Failure } from "../components/states";
import { Talk } from "../components/talk";
import { Id } from "../components/values";
import { useCan } from "../shell/me";
import { shortId } from "../text/format";

export default function Session(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(sessionQuery(id));
  const session = query.data;
  if (!session && query.error) {
    return (
      <Page title={`Session ${shortId(id)}`} crumb={{ to: "/sessions", text: "Sessions" }}>
        <Failure error={query.error} retry={() => void query.refetch()} />
      </Page>
    );
  }
  return (
    <Page
      title={session?.title || `Session ${shortId(id)}`}
      crumb={{ to: "/sessions", text: "Sessions" }}
      actions={session && <Actions session={session} />}
    >
      <div className="row small muted">
        {session && (
          <span>
            with <AgentName id={session.agent_id} />
          </span>
        )}
        <Id id={id} what="session id" />
        <Link to={`/runs?session=${id}`}>its runs</Link>
        <SessionBudget id={id} />
      </div>
      <Talk key={id} sessionId={id} follows />
    </Page>
  );
}

function Actions({ session }: { session: SessionView }): ReactNode {
  const can = useCan();
  const remove = useRemoval({ key: ["session", session.id], list: ["sessions"], to: "/sessions" });
  if (!can("sessions:write")) return null;
  return (
    <Confirm
      label="Delete"
      title="Delete this session?"
      detail="Its log, its runs and the memories made of it are gone for good."
      onConfirm={() =>
        remove(
          () => api.DELETE("/v1/sessions/{session_id}", { params: { path: { session_id: session.id } } }),
          "The session was deleted",
        )
      }
    />
  );
}
