import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { TextField } from "../agents/fields";
import { api, body, idempotencyKey, newId } from "../api/client";
import { policyQuery } from "../api/policies";
import { ApiError } from "../api/problem";
import type { PolicyDetailView } from "../api/schema.gen";
import { AgentSelect } from "../components/agent-select";
import { useUnsaved } from "../components/leaving";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { Empty } from "../components/states";
import { useToasts } from "../components/toasts";
import { RuleFields } from "../policies/rule-fields";
import { faultsOfRule, formOf, moved, newRule, type RuleForm, ruleOf } from "../policies/rule-form";
import { Simulator } from "../policies/simulator";

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export default function EditPolicy(): ReactNode {
  const { id } = useParams();
  const query = useQuery({ ...policyQuery(id ?? ""), enabled: id !== undefined, refetchInterval: false });
  if (id === undefined) return <Editor policy={null} />;
  return (
    <LoadedPage query={query} title="Edit policy" crumb={{ to: "/policies", text: "Policies" }}>
      {(policy) => <Editor key={policy.id} policy={policy} />}
    </LoadedPage>
  );
}

function Editor({ policy }: { policy: PolicyDetailView | null }): ReactNode {
  const [name, setName] = useState(policy?.name ?? "");
  const [description, setDescription] = useState(policy?.description ?? "");
  const [agent, setAgent] = useState<string | undefined>(policy?.agent_id ?? undefined);
  const [comment, setComment] = useState("");
  const [rules, setRules] = useState<readonly RuleForm[]>(
    () => policy?.current.rules.map((rule) => formOf(rule, newId())) ?? [newRule(newId())],
  );
  const { release } = useUnsaved([name, description, agent, comment, rules]);
  // What the form began with: a newer version that is read meanwhile is not what these rules were written over.
  const [basis] = useState(policy?.latest_version ?? null);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const isSound = rules.every((rule) => Object.keys(faultsOfRule(rule, rules)).length === 0);
  const proposed = useMemo(() => (isSound ? { rules: rules.map(ruleOf), agent } : null), [isSound, rules, agent]);
  const save = useMutation({
    mutationFn: async (based_on: number | null) => {
      const header = idempotencyKey();
      const given = { rules: rules.map(ruleOf), comment };
      if (policy === null) {
        const made = { ...given, name, description, agent: agent ?? null };
        return (await body(api.POST("/v1/policies", { params: { header }, body: made }))).id;
      }
      const params = { path: { policy: policy.id }, header };
      await body(
        api.POST("/v1/policies/{policy}/versions", {
          params,
          body: { ...given, based_on },
        }),
      );
      return policy.id;
    },
    onSuccess: async (id) => {
      void client.invalidateQueries({ queryKey: ["policies"] });
      await client.invalidateQueries({ queryKey: ["policy", id] });
      tell("The next call is judged by it");
      release();
      void navigate(`/policies/${id}`);
    },
    onError: fail,
  });
  const isReady = isSound && (policy !== null || NAME.test(name));
  const refusals = refusalsOf(save.error);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) save.mutate(basis);
  }
  function change(place: number, rule: RuleForm): void {
    setRules(rules.map((each, at) => (at === place ? rule : each)));
  }
  return (
    <Page
      title={policy ? `Edit ${policy.name}` : "New policy"}
      crumb={policy ? { to: `/policies/${policy.id}`, text: policy.name } : { to: "/policies", text: "Policies" }}
    >
      <form className="stack" onSubmit={submit}>
        {policy === null && (
          <Card title="For whom">
            <div className="card-body stack">
              <TextField
                label="Name"
                value={name}
                hint="lower case letters, digits, . _ -"
                fault={name === "" || NAME.test(name) ? undefined : "lower case letters, digits, . _ -"}
                onChange={setName}
              />
              <TextField label="Description" value={description} onChange={setDescription} />
              <div className="field">
                <span className="label">For</span>
                <AgentSelect value={agent} onChange={setAgent} />
              </div>
            </div>
          </Card>
        )}
        {rules.length === 0 && (
          <Card>
            <Empty title="No rules">
              <p>What stands behind this policy decides.</p>
            </Empty>
          </Card>
        )}
        {rules.map((rule, place) => (
          <RuleFields
            key={rule.key}
            rule={rule}
            place={place}
            rules={rules}
            refusal={refusals.get(place)}
            onChange={(changed) => change(place, changed)}
            onMove={(to) => setRules(moved(rules, place, to))}
            onRemove={() => setRules(rules.filter((each) => each.key !== rule.key))}
          />
        ))}
        <div className="row">
          <button type="button" className="button" onClick={() => setRules([...rules, newRule(newId())])}>
            Add a rule
          </button>
        </div>
        <Card title="Save">
          <div className="card-body stack">
            {policy !== null && isConflict(save.error) && (
              <div className="notice notice-waiting" role="alert">
                <b>Somebody else was faster</b>
                <span className="muted grow">
                  {save.error?.message}.{" "}
                  <Link to={`/policies/${policy.id}`} target="_blank">
                    See it in another tab
                  </Link>
                </span>
                <span className="row">
                  <button type="button" className="button" disabled={!isReady} onClick={() => save.mutate(null)}>
                    Save mine after it
                  </button>
                </span>
              </div>
            )}
            <TextField label="Why" value={comment} hint="for those who read the versions" onChange={setComment} />
            <div className="row">
              <button type="submit" className="button button-primary button-big" disabled={!isReady || save.isPending}>
                {save.isPending ? "Saving…" : policy ? "Save as a new version" : "Create policy"}
              </button>
              <Link className="button button-big" to={policy ? `/policies/${policy.id}` : "/policies"}>
                Cancel
              </Link>
            </div>
          </div>
        </Card>
      </form>
      <Simulator proposed={proposed} />
    </Page>
  );
}

function isConflict(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** What the server said of each rule, by its place. */
function refusalsOf(error: Error | null): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  if (!(error instanceof ApiError)) return found;
  for (const { loc, msg } of error.fields) {
    const place = Number(loc[loc.indexOf("rules") + 1]);
    if (loc.includes("rules") && Number.isInteger(place)) found.set(place, msg);
  }
  return found;
}
