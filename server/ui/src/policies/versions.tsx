import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Lines } from "../agents/diff";
import { api, body } from "../api/client";
import { policyDiffQuery, policyVersionsQuery } from "../api/policies";
import type { PolicyDetailView, Rule, RuleChangeView } from "../api/schema.gen";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { Versions } from "../versions/versions";

/** A policy's versions with who wrote each and why, compared rule by rule. */
export function PolicyVersions({ policy }: { policy: PolicyDetailView }): ReactNode {
  const client = useQueryClient();
  const query = useInfiniteQuery(policyVersionsQuery(policy.id));
  async function pin(version: number): Promise<string> {
    const params = { path: { policy: policy.id } };
    const changed = await body(api.POST("/v1/policies/{policy}/pin", { params, body: { version } }));
    void client.invalidateQueries({ queryKey: ["policy", policy.id] });
    void client.invalidateQueries({ queryKey: ["policies"] });
    return `The next call is judged by version ${changed.current_version}`;
  }
  return (
    <Versions
      query={query}
      current={policy.current_version}
      mark="chosen"
      by={(each) => `by ${each.made_by.name}`}
      columns={[
        {
          name: "Why",
          className: "wide wrap",
          cell: (each) => each.comment || <span className="muted">no comment</span>,
        },
        { name: "Rules", className: "number wide", cell: (each) => each.rules.length },
      ]}
      needs="policies:write"
      pinWords={(version) => (version < policy.current_version ? "Roll back" : "Roll forward")}
      pin={pin}
      diff={(before, after) => <Changes policy={policy.id} before={before} after={after} />}
    />
  );
}

const CHANGE_TONES = { added: "ok", removed: "bad", changed: "wait", moved: "quiet" } as const;

function Changes({ policy, before, after }: { policy: string; before: number; after: number }): ReactNode {
  const query = useQuery(policyDiffQuery(policy, before, after));
  return (
    <Loaded query={query}>
      {(diff) =>
        diff.changes.length === 0 ? (
          <Empty title="These versions are equal" />
        ) : (
          diff.changes.map((change) => <Change key={change.rule} change={change} />)
        )
      }
    </Loaded>
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
