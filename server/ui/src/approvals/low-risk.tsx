import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type Approval, decide } from "../api/approvals";
import { Confirm } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { plural } from "../text/format";
import { argumentLine, isLowRisk } from "./words";

/** Lets calls of low risk through in one go: exactly those that are listed, whatever else is asked for meanwhile. */
export function ApproveLowRisk({ items }: { items: readonly Approval[] }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [asked, setAsked] = useState<readonly Approval[] | null>(null);
  const low = items.filter(isLowRisk);
  async function approve(calls: readonly Approval[], reason: string): Promise<boolean> {
    let done = 0;
    for (const each of calls) {
      try {
        await decide(each.id, "approve", reason, null);
        done += 1;
      } catch (error) {
        // Somebody else may have decided this one: the others are still waited for.
        fail(error as Error);
      }
    }
    if (done > 0) tell(`${plural(done, "call")} approved`);
    void client.invalidateQueries({ queryKey: ["approvals"] });
    return done > 0;
  }
  if (asked === null) {
    if (low.length < 2 || !can("approvals:decide")) return null;
    return (
      <button type="button" className="button" onClick={() => setAsked(low)}>
        Approve {low.length} of low risk
      </button>
    );
  }
  return (
    <Confirm
      label={`Approve ${asked.length} of low risk`}
      className="button"
      danger={false}
      title={`Approve ${plural(asked.length, "call")}?`}
      detail="They only read, or do scratch work."
      reason="Reason (kept with each of them)"
      open
      onClose={() => setAsked(null)}
      onConfirm={(reason) => approve(asked, reason)}
    >
      <ul className="asks-listed mono small">
        {asked.map((each) => (
          <li key={each.id}>
            {each.tool} {argumentLine(each)}
          </li>
        ))}
      </ul>
    </Confirm>
  );
}
