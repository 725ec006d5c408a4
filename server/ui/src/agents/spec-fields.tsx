import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { modelsQuery } from "../api/queries";
import type { AgentSpec } from "../api/schema.gen";
import { Card } from "../components/page";
import { headerLines, headersOf } from "../settings/secret-rules";
import { Check, TextField } from "./fields";
import { ApprovalFields, CostField, LoopFields } from "./guard-fields";
import { NumberInput } from "./number-input";
import { BIND_LIMIT, type Faults, hostsOf, LIMIT_FIELDS, RECALL_LIMIT, TEMPERATURE, TOOLS } from "./spec-form";

export interface Props {
  readonly spec: AgentSpec;
  readonly faults: Faults;
  readonly onChange: (spec: AgentSpec) => void;
}

/** All of an agent's definition as a form. */
export function SpecFields(props: Props): ReactNode {
  const { spec, faults, onChange } = props;
  return (
    <>
      <Card title="What it is told">
        <div className="card-body">
          <TextField
            label="Instructions"
            rows={8}
            value={spec.instructions}
            fault={faults["instructions"]}
            onChange={(instructions) => onChange({ ...spec, instructions })}
          />
        </div>
      </Card>
      <div className="halves">
        <ModelFields {...props} />
        <ToolFields {...props} />
        <MemoryFields {...props} />
        <EvolutionFields {...props} />
      </div>
      <Card title="Limits of a run">
        <div className="card-body fields">
          {LIMIT_FIELDS.map((each) => (
            <NumberInput key={each.path} field={each} {...props} />
          ))}
          <CostField {...props} />
        </div>
      </Card>
      <div className="halves">
        <ApprovalFields {...props} />
        <LoopFields {...props} />
      </div>
    </>
  );
}

function ModelFields(props: Props): ReactNode {
  const { spec, faults, onChange } = props;
  const models = useQuery({ ...modelsQuery, retry: false }).data?.items ?? [];
  const list = useId();
  return (
    <Card title="Model">
      <div className="card-body fields">
        <TextField
          label="Model"
          value={spec.model}
          fault={faults["model"]}
          hint={models.length > 0 ? `served now: ${models.map((model) => model.name).join(", ")}` : ""}
          list={list}
          onChange={(model) => onChange({ ...spec, model })}
        />
        <datalist id={list}>
          <option value="default" />
          {models.map((model) => (
            <option key={model.name} value={model.name} />
          ))}
        </datalist>
        <div className="field">
          <label htmlFor={`${list}-mode`}>How it calls tools</label>
          <select
            id={`${list}-mode`}
            className="input"
            value={spec.tool_mode ?? ""}
            onChange={(event) => onChange({ ...spec, tool_mode: modeOf(event.target.value) })}
          >
            <option value="">the model’s own setting</option>
            <option value="native">native tool calls</option>
            <option value="constrained">constrained JSON</option>
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${list}-strategy`}>How it works</label>
          <select
            id={`${list}-strategy`}
            className="input"
            value={spec.strategy}
            onChange={(event) =>
              onChange({ ...spec, strategy: event.target.value === "plan_execute" ? "plan_execute" : "react" })
            }
          >
            <option value="react">step by step</option>
            <option value="plan_execute">by a plan, made before it reads anything</option>
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${list}-sensitivity`}>What it handles</label>
          <select
            id={`${list}-sensitivity`}
            className="input"
            value={spec.sensitivity}
            onChange={(event) => onChange({ ...spec, sensitivity: sensitivityOf(event.target.value) })}
          >
            <option value={0}>public</option>
            <option value={1}>the tenant’s own</option>
            <option value={2}>confidential</option>
          </select>
        </div>
        <NumberInput field={TEMPERATURE} {...props} />
      </div>
    </Card>
  );
}

function sensitivityOf(value: string): 0 | 1 | 2 {
  return value === "2" ? 2 : value === "1" ? 1 : 0;
}

function modeOf(value: string): "native" | "constrained" | null {
  return value === "native" || value === "constrained" ? value : null;
}

function ToolFields({ spec, faults, onChange }: Props): ReactNode {
  const [hosts, setHosts] = useState(spec.http_allow.join("\n"));
  const [headers, setHeaders] = useState(headerLines(spec.http_headers));
  const parsed = headersOf(headers);
  return (
    <Card title="Built-in tools">
      <div className="card-body stack">
        {TOOLS.map((tool) => (
          <Check
            key={tool.name}
            label={tool.name}
            hint={tool.hint}
            checked={spec.tools.includes(tool.name)}
            onChange={(on) => {
              const others = spec.tools.filter((each) => each !== tool.name);
              onChange({ ...spec, tools: on ? [...others, tool.name] : others });
            }}
          />
        ))}
        {spec.tools.includes("http_get") && (
          <TextField
            label="Hosts that http_get may reach"
            rows={3}
            value={hosts}
            fault={faults["http_allow"]}
            hint="one a line; empty means none"
            onChange={(text) => {
              setHosts(text);
              onChange({ ...spec, http_allow: hostsOf(text) });
            }}
          />
        )}
        {spec.tools.includes("http_get") && (
          <TextField
            label="Headers with secrets"
            rows={3}
            value={headers}
            fault={typeof parsed === "string" ? `not a header: ${parsed}` : faults["http_headers"]}
            hint="one a line, sent to that host only: api.example.org Authorization: Bearer {{secret:NAME}}"
            onChange={(text) => {
              setHeaders(text);
              const next = headersOf(text);
              if (typeof next !== "string") onChange({ ...spec, http_headers: [...next] });
            }}
          />
        )}
      </div>
    </Card>
  );
}

function MemoryFields(props: Props): ReactNode {
  const { spec, onChange } = props;
  const set = (change: Partial<AgentSpec["memory"]>) => onChange({ ...spec, memory: { ...spec.memory, ...change } });
  const field = useId();
  return (
    <Card title="Memory">
      <div className="card-body stack">
        <Check
          label="recall"
          hint="search memory with the user’s message before the first step"
          checked={spec.memory.recall}
          onChange={(recall) => set({ recall })}
        />
        <Check
          label="remember"
          hint="write an episode after each run"
          checked={spec.memory.remember}
          onChange={(remember) => set({ remember })}
        />
        <div className="fields">
          <div className="field">
            <label htmlFor={field}>Who may recall its episodes</label>
            <select
              id={field}
              className="input"
              value={spec.memory.visibility}
              onChange={(event) => set({ visibility: event.target.value === "private" ? "private" : "tenant" })}
            >
              <option value="tenant">every agent of the tenant</option>
              <option value="private">this agent only</option>
            </select>
          </div>
          <NumberInput field={RECALL_LIMIT} {...props} />
        </div>
      </div>
    </Card>
  );
}

function EvolutionFields(props: Props): ReactNode {
  const { spec, onChange } = props;
  const set = (change: Partial<AgentSpec["evolution"]>) =>
    onChange({ ...spec, evolution: { ...spec.evolution, ...change } });
  return (
    <Card title="Evolved tools">
      <div className="card-body stack">
        <Check
          label="reuse"
          hint="bind active evolved tools that fit the task"
          checked={spec.evolution.reuse}
          onChange={(reuse) => set({ reuse })}
        />
        <Check
          label="create"
          hint="let it ask for tools that it lacks"
          checked={spec.evolution.create}
          onChange={(create) => set({ create })}
        />
        <div className="fields">
          <NumberInput field={BIND_LIMIT} {...props} />
        </div>
      </div>
    </Card>
  );
}
