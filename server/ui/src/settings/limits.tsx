import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { keysQuery } from "../api/queries";
import type { KeyView, LimitsView, RateView, TenantBoundsView } from "../api/schema.gen";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { type LimitTexts, limitFault, limitsIn, textsOf } from "./limit-texts";

const limitsQuery = queryOptions({
  queryKey: ["limits"],
  queryFn: () => body(api.GET("/v1/admin/limits")),
});

export function Limits(): ReactNode {
  const query = useQuery(limitsQuery);
  return (
    <Loaded query={query}>
      {(bounds) => (
        <>
          <OfTenant key={JSON.stringify(bounds.tenant.own)} bounds={bounds} />
          <OfKeys bounds={bounds} />
        </>
      )}
    </Loaded>
  );
}

function OfTenant({ bounds }: { bounds: TenantBoundsView }): ReactNode {
  const [texts, setTexts] = useState(() => textsOf(bounds.tenant.own));
  const { release } = useUnsaved(texts);
  const save = useSave((limits) => body(api.PUT("/v1/admin/limits", { body: limits })), release);
  const isWrong = limitFault(texts, bounds.most_per_minute) !== null;
  if (!bounds.may_change_tenant) {
    return (
      <Card title="Requests of this tenant" aside={<InForce rate={bounds.tenant.in_force} />}>
        <p className="card-body muted">
          All its keys and users share {bounds.tenant.in_force.per_minute.toLocaleString("en")} requests a minute, and
          have at most {bounds.tenant.in_force.connections.toLocaleString("en")} requests and streams open on each API
          process. Who runs the installation can change that.
        </p>
      </Card>
    );
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isWrong) save.mutate(limitsIn(texts));
  }
  return (
    <Card title="Requests of this tenant" aside={<InForce rate={bounds.tenant.in_force} />}>
      <form className="card-body stack" onSubmit={submit}>
        <Fields texts={texts} onChange={setTexts} most={bounds.most_per_minute} inForce={bounds.tenant.in_force} />
        <div className="row">
          <button type="submit" className="button button-primary" disabled={isWrong || save.isPending}>
            {save.isPending ? "Saving…" : "Save the limits"}
          </button>
          <span className="muted small">
            All its keys and users share them. They hold everywhere within five seconds.
          </span>
        </div>
      </form>
    </Card>
  );
}

function OfKeys({ bounds }: { bounds: TenantBoundsView }): ReactNode {
  const query = useQuery(keysQuery);
  const [changing, setChanging] = useState<KeyView | null>(null);
  const own = new Map(bounds.keys.map((key) => [key.key_id, key]));
  return (
    <Card
      title="Requests of each key"
      aside={<InForce rate={bounds.default_key} prefix="without limits of its own: " />}
    >
      <Loaded query={query}>
        {({ items }) => {
          const valid = items.filter((key) => key.revoked_at === null);
          if (valid.length === 0) return <Empty title="No key" />;
          return (
            <TableBox label="Limits of keys">
              <thead>
                <tr>
                  <th>Key</th>
                  <th className="number">A minute</th>
                  <th className="number">At once</th>
                  <th className="number wide">Open</th>
                  <ActionsHead />
                </tr>
              </thead>
              <tbody>
                {valid.map((key) => {
                  const rate = own.get(key.id)?.in_force ?? bounds.default_key;
                  return (
                    <tr key={key.id}>
                      <td>
                        {key.name} <span className="muted mono small">{key.prefix}…</span>
                      </td>
                      <td className="number">{rate.per_minute.toLocaleString("en")}</td>
                      <td className="number">{rate.burst.toLocaleString("en")}</td>
                      <td className="number wide">{rate.connections.toLocaleString("en")}</td>
                      <td className="number">
                        <button type="button" className="button" onClick={() => setChanging(key)}>
                          Change<span className="visually-hidden"> the limits of {key.name}</span>
                        </button>
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </TableBox>
          );
        }}
      </Loaded>
      {changing && (
        <ChangeKey
          target={changing}
          own={own.get(changing.id)?.own ?? null}
          bounds={bounds}
          onClose={() => setChanging(null)}
        />
      )}
    </Card>
  );
}

function ChangeKey(props: {
  target: KeyView;
  own: LimitsView | null;
  bounds: TenantBoundsView;
  onClose: () => void;
}): ReactNode {
  const { target, own, bounds, onClose } = props;
  const [texts, setTexts] = useState(() => textsOf(own));
  const unsaved = useUnsaved(texts);
  const save = useSave(
    (limits) =>
      body(api.PUT("/v1/admin/keys/{key_id}/limits", { params: { path: { key_id: target.id } }, body: limits })),
    onClose,
  );
  const fault = limitFault(texts, bounds.most_per_minute);
  return (
    <Dialog
      title={`Limits of ${target.name}`}
      submit={save.isPending ? "Saving…" : "Save"}
      busy={fault !== null || save.isPending}
      unsaved={unsaved}
      onSubmit={() => save.mutate(limitsIn(texts))}
      onClose={onClose}
    >
      <Fields texts={texts} onChange={setTexts} most={bounds.most_per_minute} inForce={bounds.default_key} />
    </Dialog>
  );
}

function Fields(props: {
  texts: LimitTexts;
  onChange: (texts: LimitTexts) => void;
  most: number;
  inForce: RateView;
}): ReactNode {
  const { texts, onChange, most, inForce } = props;
  const fields = [
    { name: "requests_per_minute", label: "Requests a minute", standing: inForce.per_minute },
    { name: "burst", label: "Requests at once", standing: inForce.burst },
    { name: "connections", label: "Open requests and streams", standing: inForce.connections },
  ] as const;
  return (
    <div className="fields">
      {fields.map(({ name, label, standing }) => (
        <TextField
          key={name}
          label={label}
          value={texts[name]}
          hint={`empty: the server's; now ${standing.toLocaleString("en")}`}
          fault={limitFault({ ...EMPTY, [name]: texts[name] }, most) ?? undefined}
          onChange={(text) => onChange({ ...texts, [name]: text })}
        />
      ))}
    </div>
  );
}

const EMPTY: LimitTexts = { requests_per_minute: "", burst: "", connections: "" };

function InForce({ rate, prefix = "" }: { rate: RateView; prefix?: string }): ReactNode {
  return (
    <span className="muted small">
      {prefix}
      {rate.per_minute.toLocaleString("en")} a minute, {rate.burst.toLocaleString("en")} at once
    </span>
  );
}

function useSave(send: (limits: LimitsView) => Promise<TenantBoundsView>, done?: () => void) {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  return useMutation({
    mutationFn: send,
    onSuccess: (changed) => {
      client.setQueryData(limitsQuery.queryKey, changed);
      tell("The limits hold within five seconds");
      done?.();
    },
    onError: fail,
  });
}
