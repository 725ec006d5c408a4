import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { type Approval, approvalQuery, approvalsQuery } from "../api/approvals";
import { Ask, isTyping, Outcome, Risk } from "../approvals/ask";
import { ApproveLowRisk } from "../approvals/low-risk";
import { argumentLine, following, neighbour } from "../approvals/words";
import { useLeave } from "../components/leaving";
import { Card, Page } from "../components/page";
import { Empty, Failure, Paged } from "../components/states";
import { When } from "../components/values";
import { clipped } from "../text/format";
import { visible } from "../text/visible";

const NONE: ReadonlySet<string> = new Set();

export default function Approvals(): ReactNode {
  const [params, setParams] = useSearchParams();
  const isPending = params.get("show") !== "all";
  const query = useInfiniteQuery(approvalsQuery(isPending));
  const leave = useLeave();
  const [done, setDone] = useState<ReadonlySet<string>>(NONE);
  const items = useMemo(
    () => query.data?.pages.flatMap((page) => page.items).filter((each) => !isPending || !done.has(each.id)) ?? [],
    [query.data, isPending, done],
  );
  // What is looked at stays: a newer request, or the end of this one, must not put another under the hand that decides.
  const [opened, setOpened] = useState<string | null>(null);
  const id = params.get("id") ?? opened;
  if (id === null && items[0]) setOpened(items[0].id);
  const listed = items.find((each) => each.id === id);
  const gone = useQuery({ ...approvalQuery(id ?? ""), enabled: id !== null && query.data !== undefined && !listed });
  const chosen = listed ?? (gone.data?.id === id ? gone.data : undefined);
  function choose(next: string | null): void {
    leave(() => open(next));
  }
  function open(next: string | null): void {
    setOpened(next);
    const changed = new URLSearchParams(params);
    if (next) changed.set("id", next);
    else changed.delete("id");
    setParams(changed, { replace: true, preventScrollReset: true });
  }
  function show(which: Record<string, string>): void {
    leave(() => {
      setOpened(null);
      setParams(which);
    });
  }
  function decided(changed: Approval): void {
    if (changed.status === "pending") return;
    setDone((before) => new Set(before).add(changed.id));
    if (isPending) open(following(ids, changed.id));
  }
  const ids = items.map((each) => each.id);
  useListKeys(ids, id, choose);
  const detail =
    chosen !== undefined ? (
      <Ask key={chosen.id} approval={chosen} onDecided={decided} />
    ) : (
      gone.error && <Failure error={gone.error} retry={() => void gone.refetch()} />
    );
  const nothing = (
    <>
      <NothingWaits isPending={isPending} />
      {detail}
    </>
  );
  return (
    <Page title="Approvals" actions={isPending && <ApproveLowRisk items={items} />}>
      <div className="section-head">
        <fieldset className="filters" aria-label="Which">
          <button type="button" className="chip" aria-pressed={isPending} onClick={() => show({})}>
            waiting
          </button>
          <button type="button" className="chip" aria-pressed={!isPending} onClick={() => show({ show: "all" })}>
            all
          </button>
        </fieldset>
        <span className="kbd-hint">
          <kbd>j</kbd> <kbd>k</kbd> move, <kbd>a</kbd> approve, <kbd>d</kbd> deny
        </span>
      </div>
      <Paged query={query} empty={nothing}>
        {() =>
          items.length === 0 ? (
            nothing
          ) : (
            <div className="inbox">
              <Card title={isPending ? "Waiting" : "All"}>
                <ul className="asks">
                  {items.map((each) => (
                    <li key={each.id}>
                      <Choice approval={each} isChosen={each === chosen} onChoose={choose} />
                    </li>
                  ))}
                </ul>
              </Card>
              {detail}
            </div>
          )
        }
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

/** One of the list; the chosen one is kept in view where the keyboard moves on. */
function Choice({
  approval,
  isChosen,
  onChoose,
}: {
  approval: Approval;
  isChosen: boolean;
  onChoose: (id: string) => void;
}): ReactNode {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const list = button.current?.closest("ul");
    if (!isChosen || !button.current || !list) return;
    const [box, own] = [list.getBoundingClientRect(), button.current.getBoundingClientRect()];
    list.scrollTop += Math.min(0, own.top - box.top) + Math.max(0, own.bottom - box.bottom);
  }, [isChosen]);
  return (
    <button ref={button} type="button" aria-pressed={isChosen} onClick={() => onChoose(approval.id)}>
      <span className="row">
        <b className={approval.kind === "question" ? "" : "mono"}>
          {approval.kind === "question" ? visible(clipped(approval.reason, 60)) : approval.tool}
        </b>
        {approval.status === "pending" ? <Risk approval={approval} /> : <Outcome approval={approval} />}
      </span>
      {approval.kind !== "question" && <span className="small mono clip">{argumentLine(approval)}</span>}
      <span className="small muted">
        {approval.agent_name}, <When at={approval.requested_at} />
        {approval.status === "pending" && (
          <>
            , ends <When at={approval.expires_at} />
          </>
        )}
      </span>
    </button>
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
