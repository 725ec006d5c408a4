import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { Lines } from "../agents/diff";
import { api, body } from "../api/client";
import { policyDiffQuery, policyVersionsQuery } from "../api/policies";
import type { PolicyDetailView, PolicyVersionView, Rule, RuleChangeView } from "../api/schema.gen";
import { Card, TableBox } from "../components/page";
import { Empty, Loaded, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { useCan } from "../shell/me";
import { numberIn } from "../text/params";

/** Every version with who wrote it and why; two of them compared; back to any of them. */
export function Versions({ policy }: { policy: PolicyDetailView }): ReactNode {
  const query = useInfiniteQuery(policyVersionsQuery(policy.id));
  const [params, setParams] = useSearchParams();
  const before = numberIn(params, "before");
  const after = numberIn(params, "after");
  function compare(one: number, other: number): void {
    setParams({ before: String(one), after: String(other) }, { preventScrollReset: true });
  }
  return (
    <Card title="Versions">
      <Paged query={query} empty={<Empty title="No version" />}>
        {(versions) => <VersionTable policy={policy} versions={versions} onCompare={compare} />}
      </Paged>
      {before !== null && after !== null && <Changes policy={policy.id} before={before} after={after} />}
    </Card>
  );
}

function VersionTable({
  policy,
  versions,
  onCompare,
}: {
  policy: PolicyDetailView;
  versions: readonly PolicyVersionView[];
  onCompare: (before: number, after: number) => void;
}): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const pin = useMutation({
    mutationFn: (version: number) =>
      body(api.POST("/v1/policies/{policy}/pin", { params: { path: { policy: policy.id } }, body: { version } })),
    onSuccess: (changed) => {
      void client.invalidateQueries({ queryKey: ["policy", policy.id] });
      void client.invalidateQueries({ queryKey: ["policies"] });
      tell(`The next call is judged by version ${changed.current_version}`);
    },
    onError: fail,
  });
  return (
    <TableBox label="Versions">
      <thead>
        <tr>
          <th>Version</th>
          <th>Written</th>
          <th className="wide">Why</th>
          <th className="number wide">Rules</th>
          <th>
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map((each) => (
          <tr key={each.id}>
            <td>
              <span className="row">
                {each.version}
                {each.version === policy.current_version && <Status tone="ok">chosen</Status>}
              </span>
            </td>
            <td>
              <When at={each.created_at} /> <span className="muted small">by {each.made_by.name}</span>
            </td>
            <td className="wide wrap">{each.comment || <span className="muted">no comment</span>}</td>
            <td className="number wide">{each.rules.length}</td>
            <td className="number">
              <span className="row row-end">
                {each.version > 1 && (
                  <button type="button" className="button" onClick={() => onCompare(each.version - 1, each.version)}>
                    Diff to {each.version - 1}
                  </button>
                )}
                {can("policies:write") && each.version !== policy.current_version && (
                  <button
                    type="button"
                    className="button"
                    disabled={pin.isPending}
                    onClick={() => pin.mutate(each.version)}
                  >
                    {each.version < policy.current_version ? "Roll back" : "Roll forward"}
                  </button>
                )}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

const CHANGE_TONES = { added: "ok", removed: "bad", changed: "wait", moved: "quiet" } as const;

function Changes({ policy, before, after }: { policy: string; before: number; after: number }): ReactNode {
  const query = useQuery(policyDiffQuery(policy, before, after));
  return (
    <section className="card-body stack" aria-label={`Changes from version ${before} to ${after}`}>
      <h3>
        From version {before} to {after}
      </h3>
      <Loaded query={query}>
        {(diff) =>
          diff.changes.length === 0 ? (
            <Empty title="These versions are equal" />
          ) : (
            diff.changes.map((change) => <Change key={change.rule} change={change} />)
          )
        }
      </Loaded>
    </section>
  );
}

function Change({ change }: { change: RuleChangeView }): ReactNode {
  return (
    <div className="field">
      <span className="row">
        <span className="mono">{change.rule}</span>
        <Status tone={CHANGE_TONES[change.kind]}>{change.kind}</Status>
        {change.before_place !== change.after_place && (
          <span className="muted small">
            {change.before_place ?? "none"} → {change.after_place ?? "none"}
          </span>
        )}
      </span>
      {change.kind !== "moved" && <Lines before={shown(change.before)} after={shown(change.after)} />}
    </div>
  );
}

function shown(rule: Rule | null): string {
  return rule === null ? "" : JSON.stringify(rule, null, 2);
}
