import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import type { BudgetView, TenantBudgetView } from "../api/schema.gen";
import { Meter } from "../budget/meter";
import { money } from "../budget/share";
import { useUnsaved } from "../components/leaving";
import { Card } from "../components/page";
import { Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { duration } from "../text/format";

const budgetQuery = queryOptions({
  queryKey: ["budget"],
  queryFn: () => body(api.GET("/v1/admin/budget")),
  refetchInterval: 15_000,
});

type Field = keyof TenantBudgetView;

const FIELDS: readonly { readonly name: Field; readonly label: string; readonly scale: number }[] = [
  { name: "tokens_per_day", label: "Tokens a day", scale: 1 },
  { name: "cost_micros_per_day", label: "Cost a day", scale: 1e6 },
  { name: "tokens_per_session", label: "Tokens a session", scale: 1 },
  { name: "cost_micros_per_session", label: "Cost a session", scale: 1e6 },
];

export function Budget(): ReactNode {
  const query = useQuery(budgetQuery);
  return (
    <Loaded query={query}>
      {(budget) => (
        <>
          <Today budget={budget} />
          <Bounds key={JSON.stringify(budget.budget)} bounds={budget.budget} />
        </>
      )}
    </Loaded>
  );
}

function Today({ budget }: { budget: BudgetView }): ReactNode {
  return (
    <Card
      title="Today"
      aside={
        <span className="muted small">a day of UTC; {duration(budget.day_left_s * 1000)} until it begins anew</span>
      }
    >
      <div className="meters card-body">
        <Meter name="Tokens" used={budget.today.tokens} bound={budget.budget.tokens_per_day} />
        <Meter name="Cost" used={budget.today.cost_micros} bound={budget.budget.cost_micros_per_day} show={money} />
        <Meter name="Ended runs" used={budget.today.runs} bound={null} />
      </div>
    </Card>
  );
}

function Bounds({ bounds }: { bounds: TenantBudgetView }): ReactNode {
  const [texts, setTexts] = useState(() =>
    Object.fromEntries(FIELDS.map(({ name, scale }) => [name, textOf(bounds[name], scale)])),
  );
  const { release } = useUnsaved(texts);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const save = useMutation({
    mutationFn: () => {
      const wanted = Object.fromEntries(FIELDS.map(({ name, scale }) => [name, numberIn(texts[name] ?? "", scale)]));
      return body(api.PUT("/v1/admin/budget", { body: wanted as Record<Field, number | null> }));
    },
    onSuccess: (changed) => {
      client.setQueryData(budgetQuery.queryKey, changed);
      release();
      tell("The budget holds from now on");
    },
    onError: fail,
  });
  const isWrong = FIELDS.some(({ name, scale }) => Number.isNaN(numberIn(texts[name] ?? "", scale)));
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isWrong) save.mutate();
  }
  return (
    <Card title="Bounds of this tenant">
      <form className="card-body stack" onSubmit={submit}>
        <div className="fields">
          {FIELDS.map(({ name, label, scale }) => (
            <TextField
              key={name}
              label={label}
              value={texts[name] ?? ""}
              hint={scale === 1 ? "empty: no bound" : "in units of money; empty: no bound"}
              fault={Number.isNaN(numberIn(texts[name] ?? "", scale)) ? "a number above 0, or nothing" : undefined}
              onChange={(text) => setTexts({ ...texts, [name]: text })}
            />
          ))}
        </div>
        <div className="row">
          <button type="submit" className="button button-primary" disabled={isWrong || save.isPending}>
            {save.isPending ? "Saving…" : "Save the budget"}
          </button>
          <span className="muted small">
            It holds at once for new runs, and from their next step for runs under way.
          </span>
        </div>
      </form>
    </Card>
  );
}

function textOf(value: number | null, scale: number): string {
  return value === null ? "" : String(value / scale);
}

function numberIn(text: string, scale: number): number | null {
  if (text.trim() === "") return null;
  const value = Math.round(Number(text.replaceAll(",", "")) * scale);
  return value >= 1 && Number.isSafeInteger(value) ? value : Number.NaN;
}
