import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { SpecFields } from "../agents/spec-fields";
import { check, faultsOf } from "../agents/spec-form";
import { TryOut } from "../agents/try-out";
import { api, body, idempotencyKey } from "../api/client";
import { agentQuery, SLOW_MS } from "../api/queries";
import type { AgentDetailView } from "../api/schema.gen";
import { useUnsaved } from "../components/leaving";
import { LoadedPage } from "../components/loaded-page";
import { Page } from "../components/page";
import { useToasts } from "../components/toasts";

export default function EditAgent(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery({ ...agentQuery(id), refetchInterval: SLOW_MS });
  return (
    <LoadedPage query={query} title="Edit an agent" crumb={{ to: "/agents", text: "Agents" }}>
      {(agent) => <Editor key={agent.id} agent={agent} />}
    </LoadedPage>
  );
}

function Editor({ agent }: { agent: AgentDetailView }): ReactNode {
  const [began] = useState(agent);
  const [spec, setSpec] = useState(began.spec);
  const { isChanged, release } = useUnsaved(spec);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const save = useMutation({
    mutationFn: () => {
      const shared = { path: { agent: agent.id }, header: idempotencyKey() };
      return body(api.POST("/v1/agents/{agent}/versions", { params: shared, body: { spec } }));
    },
    onSuccess: (version) => {
      void client.invalidateQueries({ queryKey: ["agent", agent.id] });
      void client.invalidateQueries({ queryKey: ["agents"] });
      tell(`Version ${version.version} is in use by new runs`);
      release();
      void navigate(`/agents/${agent.id}?before=${began.current_version}&after=${version.version}`);
    },
    onError: fail,
  });
  const own = check(spec);
  const isReady = Object.keys(own).length === 0 && isChanged;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) save.mutate();
  }
  return (
    <Page title={`Edit ${agent.name}`} crumb={{ to: `/agents/${agent.id}`, text: agent.name }}>
      <p className="muted">
        Based on version {began.current_version}. Saving makes the next version, which new runs use at once; runs that
        began stay on theirs.
      </p>
      {agent.current_version !== began.current_version && (
        <div className="banner" role="alert">
          <span>
            Version {agent.current_version} came into use meanwhile. What you save takes its place, without{" "}
            <Link to={`/agents/${agent.id}?before=${began.current_version}&after=${agent.current_version}`}>
              what it changed
            </Link>
            .
          </span>
        </div>
      )}
      <div className="columns">
        <form className="stack" onSubmit={submit}>
          <SpecFields spec={spec} faults={{ ...faultsOf(save.error), ...own }} onChange={setSpec} />
          <div className="row">
            <button type="submit" className="button button-primary button-big" disabled={!isReady || save.isPending}>
              {save.isPending ? "Saving…" : "Save as a new version"}
            </button>
            <Link className="button button-big" to={`/agents/${agent.id}`}>
              Cancel
            </Link>
            {!isChanged && <span className="muted">nothing changed yet</span>}
          </div>
        </form>
        <aside className="beside">
          <TryOut agent={agent} spec={spec} isReady={Object.keys(own).length === 0} />
        </aside>
      </div>
    </Page>
  );
}
