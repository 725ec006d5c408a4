import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { Lines } from "../agents/diff";
import { type Approval, approvalsQuery } from "../api/approvals";
import { When } from "../components/values";
import { changesIn, linesOf, precedentOf } from "./differences";

/** What a call changes, where there is something to compare: texts in its arguments, or the last call let through. */
export function Changes({ approval }: { approval: Approval }): ReactNode {
  const decided = useInfiniteQuery({ ...approvalsQuery(false), refetchInterval: false }).data;
  const own = changesIn(approval.arguments);
  const precedent = precedentOf(approval, decided?.pages.flatMap((page) => page.items) ?? []);
  const [before, after] = [precedent && linesOf(precedent.arguments), linesOf(approval.arguments)];
  return (
    <>
      {own.map((change) => (
        <section key={change.about} className="field" aria-label={`Change of ${change.about}`}>
          <span className="label">What it changes in {change.about}</span>
          <Lines before={change.before} after={change.after} />
        </section>
      ))}
      {precedent !== null && before !== null && (
        <section className="field" aria-label="Compared with the last one">
          <span className="label">
            Compared with <Link to={`/approvals?show=all&id=${precedent.id}`}>the last one that was approved</Link>,{" "}
            <When at={precedent.requested_at} />
          </span>
          {before === after ? (
            <p className="muted small">The same arguments.</p>
          ) : (
            <Lines before={before} after={after} />
          )}
        </section>
      )}
    </>
  );
}
