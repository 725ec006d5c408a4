import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useNavigate } from "react-router";
import { TextField } from "../agents/fields";
import { SpecFields } from "../agents/spec-fields";
import { check, defaultSpec, faultsOf, NAME } from "../agents/spec-form";
import { api, body, idempotencyKey } from "../api/client";
import { ApiError } from "../api/problem";
import { useUnsaved } from "../components/leaving";
import { Card, Page } from "../components/page";
import { useToasts } from "../components/toasts";

export default function NewAgent(): ReactNode {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [spec, setSpec] = useState(defaultSpec);
  const { release } = useUnsaved([name, description, spec]);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const create = useMutation({
    mutationFn: () =>
      body(api.POST("/v1/agents", { params: { header: idempotencyKey() }, body: { name, description, spec } })),
    onSuccess: (agent) => {
      void client.invalidateQueries({ queryKey: ["agents"] });
      tell(`${agent.name} is ready`);
      release();
      void navigate(`/agents/${agent.id}`);
    },
    onError: fail,
  });
  const own = check(spec);
  const faults = { ...faultsOf(create.error), ...own };
  const isTaken = create.error instanceof ApiError && create.error.code === "conflict";
  const nameFault =
    name !== "" && !NAME.test(name) ? "lower case letters, digits, . _ - only, at most 63" : faults["name"];
  const isReady = NAME.test(name) && Object.keys(own).length === 0;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) create.mutate();
  }
  return (
    <Page title="New agent" crumb={{ to: "/agents", text: "Agents" }}>
      <form className="stack" onSubmit={submit}>
        <Card>
          <div className="card-body fields">
            <TextField
              label="Name"
              value={name}
              hint="how applications call it; it stays"
              fault={isTaken ? "this name is taken" : nameFault}
              onChange={setName}
            />
            <TextField label="Description" value={description} onChange={setDescription} />
          </div>
        </Card>
        <SpecFields spec={spec} faults={faults} onChange={setSpec} />
        <div className="row">
          <button type="submit" className="button button-primary button-big" disabled={!isReady || create.isPending}>
            {create.isPending ? "Creating…" : "Create agent"}
          </button>
          {name === "" && <span className="muted">it needs a name</span>}
        </div>
      </form>
    </Page>
  );
}
