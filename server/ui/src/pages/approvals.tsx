import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useSearchParams } from "react-router";
import { type Approval, approvalsQuery, decide } from "../api/approvals";
import { Ask, isTyping, Risk } from "../approvals/ask";
import { isLowRisk, neighbour } from "../approvals/words";
import { Confirm } from "../components/dialog";
import { Card, Page } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { useCan } from "../shell/me";
import { plural } from "../text/format";

export default function Approvals(): ReactNode {
  const [params, setParams] = useSearchParams();
  const isPending = params.get("show") !== "all";
  const query = useInfiniteQuery(approvalsQuery(isPending));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const chosen = items.find((each) => each.id === params.get("id")) ?? items[0] ?? null;
  function choose(id: string | null): void {
    const next = new URLSearchParams(params);
    if (id) next.set("id", id);
    else next.delete("id");
    setParams(next, { replace: true, preventScrollReset: true });
  }
  useListKeys(
    items.map((each) => each.id),
    chosen?.id ?? null,
    choose,
  );
  return (
    <Page title="Approvals" actions={isPending && <ApproveLowRisk items={items} />}>
      <div className="section-head">
        <fieldset className="filters" aria-label="Which">
          <button type="button" className="chip" aria-pressed={isPending} onClick={() => setParams({})}>
            waiting
          </button>
          <button type="button" className="chip" aria-pressed={!isPending} onClick={() => setParams({ show: "all" })}>
            all
          </button>
        </fieldset>
        <span className="kbd-hint">
          <kbd>j</kbd> <kbd>k</kbd> move, <kbd>a</kbd> approve, <kbd>d</kbd> deny
        </span>
      </div>
      <Paged query={query} empty={<NothingWaits isPending={isPending} />}>
        {(all) => (
          <div className="inbox">
            <Card title={isPending ? "Waiting" : "All"}>
              <ul className="asks">
                {all.map((each) => (
                  <li key={each.id}>
                    <button type="button" aria-pressed={each === chosen} onClick={() => choose(each.id)}>
                      <Line approval={each} />
                    </button>
                  </li>
                ))}
              </ul>
            </Card>
            {chosen && <Ask key={chosen.id} approval={chosen} onDecided={() => choose(null)} />}
          </div>
        )}
      </Paged>
    </Page>
  );
}

function NothingWaits({ isPending }: { isPending: boolean }): ReactNode {
  return (
    <Card>
      <Empty title={isPending ? "Nothing waits for a person" : "Nobody was ever asked"}>
        <p>Policies say which calls do, and each agent’s definition, under “What a person decides on”.</p>
      </Empty>
    </Card>
  );
}

function Line({ approval }: { approval: Approval }): ReactNode {
  return (
    <>
      <span className="row">
        <b className={approval.kind === "question" ? "" : "mono"}>
          {approval.kind === "question" ? approval.reason.slice(0, 60) : approval.tool}
        </b>
        {approval.status === "pending" ? <Risk approval={approval} /> : <Outcome approval={approval} />}
      </span>
      <span className="small muted">
        {approval.agent_name}, <When at={approval.requested_at} />
        {approval.status === "pending" && (
          <>
            , ends <When at={approval.expires_at} />
          </>
        )}
      </span>
    </>
  );
}

function Outcome({ approval }: { approval: Approval }): ReactNode {
  const isGood = approval.status === "approved" || approval.status === "answered";
  return <Status tone={isGood ? "ok" : approval.status === "denied" ? "bad" : "quiet"}>{approval.status}</Status>;
}

function ApproveLowRisk({ items }: { items: readonly Approval[] }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const low = items.filter(isLowRisk);
  if (low.length < 2 || !can("approvals:decide")) return null;
  async function approve(reason: string): Promise<void> {
    let done = 0;
    try {
      for (const each of low) {
        await decide(each.id, "approve", reason, null);
        done += 1;
      }
    } catch (error) {
      fail(error as Error);
    }
    tell(`${plural(done, "call")} approved`);
    await client.invalidateQueries({ queryKey: ["approvals"] });
  }
  return (
    <Confirm
      label={`Approve ${low.length} of low risk`}
      className="button"
      title={`Approve ${low.length} calls?`}
      detail={`They only read, or do scratch work: ${[...new Set(low.map((each) => each.tool))].join(", ")}.`}
      reason="Reason (kept with each of them)"
      onConfirm={approve}
    />
  );
}

function useListKeys(ids: readonly string[], chosen: string | null, choose: (id: string | null) => void): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
      if (step === 0) return;
      event.preventDefault();
      choose(neighbour(ids, chosen, step));
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}
