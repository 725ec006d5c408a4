import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Approval } from "../api/approvals";
import { runEventsQuery } from "../api/queries";
import { Fact } from "../components/values";
import { useCan } from "../shell/me";

/** What the run had read when it asked: untrusted and sensitive texts, by their sources. */
export function Taint({ approval }: { approval: Approval }): ReactNode {
  const can = useCan();
  const query = useQuery({ ...runEventsQuery(approval.run_id), enabled: can("runs:read") });
  const asked = query.data
    ?.map((event) => event.payload)
    .find((payload) => payload.type === "approval.requested" && payload.approval_id === approval.id);
  if (asked?.type !== "approval.requested") return null;
  return (
    <>
      {asked.rule && <Fact name="Rule">{asked.rule}</Fact>}
      {asked.untrusted && asked.untrusted.length > 0 && (
        <Fact name="Untrusted text read">{asked.untrusted.join(", ")}</Fact>
      )}
      {asked.sensitive && asked.sensitive.length > 0 && (
        <Fact name="Sensitive data read">{asked.sensitive.join(", ")}</Fact>
      )}
    </>
  );
}
