import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { type Tenant, tenantsQuery } from "../api/people";
import { Confirm, Dialog } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Loaded } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { OneTimeLink } from "../people/one-time-link";

/** Every tenant of the installation, for those who run it. */
export function Tenants(): ReactNode {
  const query = useQuery(tenantsQuery);
  const [making, setMaking] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  return (
    <Card
      title="Tenants"
      aside={
        <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
          New tenant
        </button>
      }
    >
      <Loaded query={query}>{({ items }) => <TenantTable tenants={items} />}</Loaded>
      {making && (
        <NewTenant
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setLink(made);
          }}
        />
      )}
      {link && (
        <OneTimeLink title="For its first owner" lasts="within a week" link={link} onClose={() => setLink(null)} />
      )}
    </Card>
  );
}

function NewTenant({ onMade, onClose }: { onMade: (link: string | null) => void; onClose: () => void }): ReactNode {
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const create = useMutation({
    mutationFn: () => {
      const made = { name: name.trim(), owner: owner.trim() === "" ? null : owner.trim() };
      return body(api.POST("/v1/admin/tenants", { body: made }));
    },
    onSuccess: (made) => {
      tell(`${made.name} is made`);
      void client.invalidateQueries({ queryKey: ["tenants"] });
      onMade(made.link);
    },
    onError: fail,
  });
  return (
    <Dialog
      title="New tenant"
      submit="Create tenant"
      busy={create.isPending || name.trim() === ""}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextField label="Name" value={name} hint="an organisation or a project" onChange={setName} />
      <TextField label="Email of its first owner" value={owner} hint="gets a one-time link" onChange={setOwner} />
    </Dialog>
  );
}

function TenantTable({ tenants }: { tenants: readonly Tenant[] }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [renamed, setRenamed] = useState<Tenant | null>(null);
  async function disable(tenant: Tenant, disabled: boolean): Promise<void> {
    try {
      const path = { params: { path: { tenant_id: tenant.id } } };
      await body(api.PATCH("/v1/admin/tenants/{tenant_id}", { ...path, body: { disabled } }));
      tell(disabled ? `${tenant.name} is disabled` : `${tenant.name} is open again`);
      await client.invalidateQueries({ queryKey: ["tenants"] });
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <>
      <TableBox label="Tenants">
        <thead>
          <tr>
            <th>Name</th>
            <th className="wide">State</th>
            <th className="number wide">Users</th>
            <th className="number wide">Keys</th>
            <th className="number wide">Made</th>
            <ActionsHead />
          </tr>
        </thead>
        <tbody>
          {tenants.map((tenant) => (
            <tr key={tenant.id}>
              <td className="wrap">
                {tenant.name}
                {tenant.operates && <span className="muted small"> runs the installation</span>}
              </td>
              <td className="wide">
                <Status tone={tenant.disabled_at ? "quiet" : "ok"}>{tenant.disabled_at ? "disabled" : "open"}</Status>
              </td>
              <td className="number wide">{tenant.members}</td>
              <td className="number wide">{tenant.keys}</td>
              <td className="number wide">
                <When at={tenant.created_at} />
              </td>
              <td className="number">
                <span className="row row-end">
                  <button
                    type="button"
                    className="button"
                    aria-label={`Rename ${tenant.name}`}
                    onClick={() => setRenamed(tenant)}
                  >
                    Rename
                  </button>
                  {!tenant.operates && tenant.disabled_at !== null && (
                    <button type="button" className="button" onClick={() => void disable(tenant, false)}>
                      Enable
                    </button>
                  )}
                  {!tenant.operates && tenant.disabled_at === null && (
                    <Confirm
                      label="Disable"
                      title={`Disable ${tenant.name}?`}
                      detail="Nobody gets in, neither by login nor by key, and its runs are paused. Nothing is deleted."
                      onConfirm={() => disable(tenant, true)}
                    />
                  )}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </TableBox>
      {renamed && <Rename tenant={renamed} onClose={() => setRenamed(null)} />}
    </>
  );
}

function Rename({ tenant, onClose }: { tenant: Tenant; onClose: () => void }): ReactNode {
  const [name, setName] = useState(tenant.name);
  const client = useQueryClient();
  const { fail } = useToasts();
  const rename = useMutation({
    mutationFn: () => {
      const path = { params: { path: { tenant_id: tenant.id } } };
      return body(api.PATCH("/v1/admin/tenants/{tenant_id}", { ...path, body: { name: name.trim() } }));
    },
    onSuccess: async () => {
      await client.invalidateQueries({ predicate: (each) => ["tenants", "me"].includes(`${each.queryKey[0]}`) });
      onClose();
    },
    onError: fail,
  });
  return (
    <Dialog
      title={`Rename ${tenant.name}`}
      submit="Rename"
      busy={rename.isPending || name.trim() === "" || name.trim() === tenant.name}
      onSubmit={() => rename.mutate()}
      onClose={onClose}
    >
      <TextField label="Name" value={name} onChange={setName} />
    </Dialog>
  );
}
