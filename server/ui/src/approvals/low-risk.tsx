import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { type Approval, decide } from "../api/approvals";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { plural } from "../text/format";
import { argumentLine, isLowRisk } from "./words";

/** Lets calls of low risk through in one go: exactly those that are listed, whatever else is asked for meanwhile. */
export function ApproveLowRisk({ items }: { items: readonly Approval[] }): ReactNode {
  const can = useCan();
  const [asked, setAsked] = useState<readonly Approval[] | null>(null);
  const low = items.filter(isLowRisk);
  if (asked !== null) return <Question calls={asked} onClose={() => setAsked(null)} />;
  if (low.length < 2 || !can("approvals:decide")) return null;
  return (
    <button type="button" className="button" onClick={() => setAsked(low)}>
      Approve {low.length} of low risk
    </button>
  );
}

function Question({ calls, onClose }: { calls: readonly Approval[]; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const field = useId();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  async function approve(): Promise<void> {
    setBusy(true);
    let done = 0;
    for (const each of calls) {
      try {
        await decide(each.id, "approve", reason.trim(), null);
        done += 1;
      } catch (error) {
        // Somebody else may have decided this one: the others are still waited for.
        fail(error as Error);
      }
    }
    if (done > 0) tell(`${plural(done, "call")} approved`);
    onClose();
    await client.invalidateQueries({ queryKey: ["approvals"] });
  }
  return (
    <Dialog
      title={`Approve ${plural(calls.length, "call")}?`}
      submit={`Approve ${calls.length} of low risk`}
      busy={busy || reason.trim() === ""}
      onSubmit={() => void approve()}
      onClose={onClose}
    >
      <p className="muted">They only read, or do scratch work.</p>
      <ul className="asks-listed mono small">
        {calls.map((each) => (
          <li key={each.id}>
            {each.tool} {argumentLine(each)}
          </li>
        ))}
      </ul>
      <div className="field">
        <label htmlFor={field}>Reason (kept with each of them)</label>
        <input
          id={field}
          className="input"
          value={reason}
          maxLength={500}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
    </Dialog>
  );
}
