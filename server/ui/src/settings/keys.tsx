import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { api, body } from "../api/client";
import { keysQuery, meQuery } from "../api/queries";
import type { IssuedKeyView, KeyView } from "../api/schema.gen";
import { Confirm, Dialog } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { Copy, When } from "../components/values";
import { useCan } from "../shell/me";
import { NewKey } from "./new-key";

export function Keys(): ReactNode {
  const query = useQuery(keysQuery);
  const can = useCan();
  const [making, setMaking] = useState(false);
  const [issued, setIssued] = useState<IssuedKeyView | null>(null);
  return (
    <Card
      title="API keys"
      aside={
        can("users:write") && (
          <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
            New key
          </button>
        )
      }
    >
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? <Empty title="No key" /> : <KeyTable keys={items} onRotated={setIssued} />
        }
      </Loaded>
      {making && (
        <NewKey
          onClose={() => setMaking(false)}
          onIssued={(key) => {
            setMaking(false);
            setIssued(key);
          }}
        />
      )}
      {issued?.secret && (
        <Dialog
          title={`The key ${issued.name}`}
          submit={null}
          onSubmit={() => setIssued(null)}
          onClose={() => setIssued(null)}
        >
          <p>This is the only time that it is shown. The server keeps only its hash.</p>
          <p className="code row">
            <code className="grow wrap">{issued.secret}</code>
            <Copy text={issued.secret} what="key" />
          </p>
        </Dialog>
      )}
    </Card>
  );
}

function KeyTable({
  keys,
  onRotated,
}: {
  keys: readonly KeyView[];
  onRotated: (key: IssuedKeyView) => void;
}): ReactNode {
  const mayChange = useMayChange();
  const me = useQuery(meQuery).data;
  return (
    <TableBox label="API keys">
      <thead>
        <tr>
          <th>Name</th>
          <th>State</th>
          <th className="wide">Begins with</th>
          <th className="wide">May</th>
          <th className="number wide">Made</th>
          <th className="number wide">Last used</th>
          <ActionsHead />
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <td>
              {key.name}
              {key.id === me?.key_id && <span className="muted"> (yours)</span>}
            </td>
            <td>
              <KeyState state={key} />
            </td>
            <td className="wide mono">{key.prefix}…</td>
            <td className="wide">
              <span className="clip clip-narrow muted" title={key.scopes.join(", ")}>
                {key.scopes.join(", ")}
              </span>
            </td>
            <td className="number wide">
              <When at={key.created_at} />
              {key.made_by && <div className="muted small">by {key.made_by}</div>}
            </td>
            <td className="number wide">{key.last_used_at ? <When at={key.last_used_at} /> : "never"}</td>
            <td className="number">
              {key.revoked_at === null && mayChange(key) && (
                <span className="row row-end">
                  <Rotate target={key} onRotated={onRotated} />
                  <Revoke target={key} isOwn={key.id === me?.key_id} />
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

/** Nobody changes a key that may more than they do: the server refuses it, so it is not offered. */
function useMayChange(): (key: KeyView) => boolean {
  const can = useCan();
  return (key) => can("users:write") && key.scopes.every((scope) => can(scope));
}

const GRACES = [
  { text: "a day", seconds: 86_400 },
  { text: "an hour", seconds: 3_600 },
  { text: "a week", seconds: 604_800 },
  { text: "not at all", seconds: 0 },
];

function Rotate({ target, onRotated }: { target: KeyView; onRotated: (key: IssuedKeyView) => void }): ReactNode {
  const [open, setOpen] = useState(false);
  const [grace, setGrace] = useState(GRACES[0]?.seconds ?? 0);
  const field = useId();
  const client = useQueryClient();
  const { fail } = useToasts();
  const rotate = useMutation({
    mutationFn: () => {
      const path = { params: { path: { key_id: target.id } } };
      return body(api.POST("/v1/admin/keys/{key_id}/rotate", { ...path, body: { grace_s: grace } }));
    },
    onSuccess: (key) => {
      setOpen(false);
      onRotated(key);
      void client.invalidateQueries({ queryKey: ["keys"] });
    },
    onError: fail,
  });
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Rotate
      </button>
      {open && (
        <Dialog
          title={`Rotate ${target.name}`}
          submit="Make the new secret"
          busy={rotate.isPending}
          onSubmit={() => rotate.mutate()}
          onClose={() => setOpen(false)}
        >
          <p className="muted">The key stays what it is and gets another secret. Bring that to whoever uses it.</p>
          <div className="field">
            <label htmlFor={field}>The old secret still works for</label>
            <select
              id={field}
              className="input"
              value={grace}
              onChange={(event) => setGrace(Number(event.target.value))}
            >
              {GRACES.map((each) => (
                <option key={each.seconds} value={each.seconds}>
                  {each.text}
                </option>
              ))}
            </select>
          </div>
        </Dialog>
      )}
    </>
  );
}

function KeyState({ state }: { state: KeyView }): ReactNode {
  if (state.revoked_at) return <Status tone="quiet">revoked</Status>;
  if (state.expires_at && Date.parse(state.expires_at) <= Date.now()) return <Status tone="quiet">expired</Status>;
  if (state.previous_until && Date.parse(state.previous_until) > Date.now()) {
    return (
      <span className="row">
        <Status tone="ok">valid</Status>
        <span className="muted small">
          old secret ends <When at={state.previous_until} />
        </span>
      </span>
    );
  }
  if (state.expires_at) {
    return (
      <span className="row">
        <Status tone="ok">valid</Status>
        <span className="muted small">
          ends <When at={state.expires_at} />
        </span>
      </span>
    );
  }
  return <Status tone="ok">valid</Status>;
}

function Revoke({ target, isOwn }: { target: KeyView; isOwn: boolean }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  async function revoke(): Promise<void> {
    try {
      await body(api.DELETE("/v1/admin/keys/{key_id}", { params: { path: { key_id: target.id } } }));
      tell(`${target.name} is revoked`);
      await client.invalidateQueries({ queryKey: ["keys"] });
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <Confirm
      label="Revoke"
      title={`Revoke ${target.name}?`}
      detail={`Whoever uses it is refused within seconds, for good.${isOwn ? " It is the key that you signed in with: you are signed out." : ""}`}
      onConfirm={revoke}
    />
  );
}
