import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { SpecFields } from "../agents/spec-fields";
import { check, faultsOf } from "../agents/spec-form";
import { TryOut } from "../agents/try-out";
import { api, body, idempotencyKey } from "../api/client";
import { agentQuery } from "../api/queries";
import type { AgentDetailView } from "../api/schema.gen";
import { Page } from "../components/page";
import { Loaded } from "../components/states";
import { useToasts } from "../components/toasts";

export default function EditAgent(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery({ ...agentQuery(id), refetchOnWindowFocus: false });
  return <Loaded query={query}>{(agent) => <Editor key={agent.id} agent={agent} />}</Loaded>;
}

function Editor({ agent }: { agent: AgentDetailView }): ReactNode {
  const [spec, setSpec] = useState(agent.spec);
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const base = params.get("from") ?? String(agent.current_version);
  const save = useMutation({
    mutationFn: () => {
      const shared = { path: { agent: agent.id }, header: idempotencyKey() };
      return body(api.POST("/v1/agents/{agent}/versions", { params: shared, body: { spec } }));
    },
    onSuccess: (version) => {
      void client.invalidateQueries({ queryKey: ["agent", agent.id] });
      void client.invalidateQueries({ queryKey: ["agents"] });
      tell(`Version ${version.version} is in use by new runs`);
      void navigate(`/agents/${agent.id}?before=${agent.current_version}&after=${version.version}`);
    },
    onError: fail,
  });
  const own = check(spec);
  const isChanged = JSON.stringify(spec) !== JSON.stringify(agent.spec);
  const isReady = Object.keys(own).length === 0 && isChanged;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) save.mutate();
  }
  return (
    <Page title={`Edit ${agent.name}`} crumb={{ to: `/agents/${agent.id}`, text: agent.name }}>
      <p className="muted">
        Based on version {base}. Saving makes the next version, which new runs use at once; runs that began stay on
        theirs.
      </p>
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
