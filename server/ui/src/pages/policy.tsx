import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { api, body } from "../api/client";
import { policyQuery, policyVersionQuery } from "../api/policies";
import type { PolicyDetailView, PolicyVersionView } from "../api/schema.gen";
import { AgentName } from "../components/agent-name";
import { Confirm } from "../components/dialog";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { Fact, Id, When } from "../components/values";
import { RuleTable } from "../policies/rule-table";
import { Simulator } from "../policies/simulator";
import { PolicyVersions } from "../policies/versions";
import { useCan } from "../shell/me";
import { numberIn } from "../text/params";
import { PolicyState } from "./policies";

/** One policy. `?rule=` marks a rule, `?version=` shows another version than the chosen one. */
export default function PolicyPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useQuery(policyQuery(id));
  return (
    <LoadedPage query={query} title="Policy" crumb={{ to: "/policies", text: "Policies" }}>
      {(policy) => <Detail policy={policy} />}
    </LoadedPage>
  );
}

function Detail({ policy }: { policy: PolicyDetailView }): ReactNode {
  const can = useCan();
  const [params] = useSearchParams();
  const wanted = numberIn(params, "version") ?? policy.current_version;
  return (
    <Page
      title={policy.name}
      crumb={{ to: "/policies", text: "Policies" }}
      actions={
        can("policies:write") && (
          <>
            <Switch policy={policy} />
            <Link className="button button-primary" to={`/policies/${policy.id}/edit`}>
              Edit
            </Link>
          </>
        )
      }
    >
      {policy.description && <p className="muted">{policy.description}</p>}
      <Card>
        <dl className="facts card-body">
          <Fact name="State">
            <PolicyState policy={policy} />
          </Fact>
          <Fact name="For">{policy.agent_id ? <AgentName id={policy.agent_id} /> : "every agent"}</Fact>
          <Fact name="Version">{policy.current_version}</Fact>
          <Fact name="Changed">
            <When at={policy.updated_at} />
          </Fact>
          <Fact name="Id">
            <Id id={policy.id} what="policy id" />
          </Fact>
        </dl>
      </Card>
      {wanted === policy.current_version ? (
        <Rules version={policy.current} marked={params.get("rule")} isCurrent />
      ) : (
        <OtherVersion policy={policy} version={wanted} marked={params.get("rule")} />
      )}
      <PolicyVersions policy={policy} />
      <Simulator />
    </Page>
  );
}

function OtherVersion({
  policy,
  version,
  marked,
}: {
  policy: PolicyDetailView;
  version: number;
  marked: string | null;
}): ReactNode {
  const query = useQuery(policyVersionQuery(policy.id, version));
  return (
    <>
      <div className="notice notice-waiting" role="status">
        <b>Version {version}</b>
        <span className="muted">
          Version {policy.current_version} decides now. <Link to={`/policies/${policy.id}`}>Show that one</Link>
        </span>
      </div>
      <Loaded query={query}>{(found) => <Rules version={found} marked={marked} isCurrent={false} />}</Loaded>
    </>
  );
}

function Rules({
  version,
  marked,
  isCurrent,
}: {
  version: PolicyVersionView;
  marked: string | null;
  isCurrent: boolean;
}): ReactNode {
  return (
    <Card title={`Rules in order, version ${version.version}`}>
      {version.rules.length === 0 ? (
        <Empty title="No rules">
          <p>{isCurrent ? "What stands behind this policy decides." : "It had none."}</p>
        </Empty>
      ) : (
        <RuleTable rules={version.rules} marked={marked} />
      )}
    </Card>
  );
}

function Switch({ policy }: { policy: PolicyDetailView }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const turn = useMutation({
    mutationFn: (on: boolean) => {
      const params = { path: { policy: policy.id } };
      return on
        ? body(api.POST("/v1/policies/{policy}/enable", { params }))
        : body(api.POST("/v1/policies/{policy}/disable", { params }));
    },
    onSuccess: (changed) => {
      void client.invalidateQueries({ queryKey: ["policy", policy.id] });
      void client.invalidateQueries({ queryKey: ["policies"] });
      tell(changed.disabled_at ? "It decides nothing any more" : "The next call is judged by it");
    },
    onError: fail,
  });
  if (policy.disabled_at) {
    return (
      <button type="button" className="button" disabled={turn.isPending} onClick={() => turn.mutate(true)}>
        Enable
      </button>
    );
  }
  return (
    <Confirm
      label="Disable"
      title={`Disable ${policy.name}?`}
      detail="From the next call on, what stands behind it decides: the tenant's policy, or the defaults."
      onConfirm={() => turn.mutateAsync(false).catch(() => false)}
    />
  );
}
