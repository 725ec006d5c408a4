import { ApiError } from "../api/problem";
import type { AgentSpec } from "../api/schema.gen";

/** A number of the definition: where it is, what it bounds, within which bounds itself. */
export interface NumberField {
  readonly path: string;
  readonly label: string;
  readonly hint: string;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

export const LIMIT_FIELDS: readonly NumberField[] = [
  field("limits.steps", "Steps", "one model call with its side effects", 1, 10_000),
  field("limits.model_calls", "Model calls", "evolution's calls included", 1, 100_000),
  field("limits.tool_calls", "Tool calls", "", 0, 100_000),
  field("limits.tokens", "Tokens", "prompt and completion", 1, 1_000_000_000_000_000),
  { ...field("limits.wall_s", "Wall time, seconds", "from start to end", 0.001, 604_800), whole: false },
  field("limits.completion_tokens", "Tokens per answer", "", 16, 131_072),
];
export const LOOP_FIELDS: readonly NumberField[] = [
  field("loop_breaker.repeats", "Same call, same result", "times until the run ends", 2, 1_000),
  field("loop_breaker.pairs", "Two calls in turns", "times until the run ends", 2, 500),
];
export const APPROVAL_EXPIRY: NumberField = {
  ...field("approval.expires_s", "Seconds to decide", "then nobody’s word means no", 1, 2_592_000),
  whole: false,
};
export const EFFECTS = ["reads", "scratch work", "external or durable effects", "what cannot be undone"] as const;
export const RECALL_LIMIT = field("memory.recall_limit", "Memories per recall", "", 0, 20);
export const BIND_LIMIT = field("evolution.bind_limit", "Evolved tools per run", "at most", 0, 20);
export const TEMPERATURE: NumberField = {
  ...field("temperature", "Temperature", "0 repeats itself", 0, 2),
  whole: false,
};
export const NUMBER_FIELDS: readonly NumberField[] = [
  ...LIMIT_FIELDS,
  ...LOOP_FIELDS,
  APPROVAL_EXPIRY,
  RECALL_LIMIT,
  BIND_LIMIT,
  TEMPERATURE,
];

export const TOOLS: readonly { readonly name: AgentSpec["tools"][number]; readonly hint: string }[] = [
  { name: "recall", hint: "search memory" },
  { name: "remember", hint: "keep a note" },
  { name: "calculate", hint: "arithmetic" },
  { name: "python", hint: "run code in the sandbox" },
  { name: "http_get", hint: "read allowed web hosts" },
  { name: "read_untrusted", hint: "typed values out of foreign text, read without tools" },
  { name: "request_capability", hint: "ask for a tool to be made" },
  { name: "ask_human", hint: "ask a person and wait for the answer" },
  { name: "sleep", hint: "wait a while, without a worker" },
  { name: "wait_until", hint: "wait for a time, without a worker" },
];

export const LONGEST_INSTRUCTIONS = 20_000;
export const MOST_HOSTS = 100;
const MOST_COST = 1e15;
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function field(path: string, label: string, hint: string, min: number, max: number): NumberField {
  return { path, label, hint, min, max, whole: true };
}

/** A new agent as the server would fill it in. */
export function defaultSpec(): AgentSpec {
  return {
    instructions: "You are a helpful assistant. Be brief.",
    model: "default",
    tool_mode: null,
    strategy: "react",
    tools: ["recall", "calculate", "python", "request_capability"],
    plugins: [],
    memory: { recall: true, remember: true, visibility: "tenant", recall_limit: 3 },
    evolution: { reuse: true, create: true, bind_limit: 4 },
    limits: { steps: 16, model_calls: 64, tool_calls: 64, tokens: 200_000, wall_s: 900, completion_tokens: 1_024 },
    approval: { tools: [], from_class: null, expires_s: 86_400 },
    loop_breaker: { enabled: true, repeats: 3, pairs: 2 },
    temperature: 0,
    sensitivity: 0,
    http_allow: [],
    http_headers: [],
  };
}

/** The value at a dotted path; numbers that a person is still typing are NaN. */
export function at(spec: AgentSpec, path: string): number {
  let value: unknown = spec;
  for (const part of path.split(".")) value = (value as Record<string, unknown>)[part];
  return typeof value === "number" ? value : Number.NaN;
}

/** A copy with another value at a dotted path. */
export function withAt(spec: AgentSpec, path: string, value: number): AgentSpec {
  const [first = "", second] = path.split(".");
  if (second === undefined) return { ...spec, [first]: value };
  const group = (spec as unknown as Record<string, object>)[first];
  return { ...spec, [first]: { ...group, [second]: value } };
}

export type Faults = Readonly<Record<string, string>>;

/** What is wrong with a definition, by path; empty means that it can be sent. */
export function check(spec: AgentSpec): Faults {
  const faults: Record<string, string> = {};
  for (const each of NUMBER_FIELDS) {
    const fault = numberFault(at(spec, each.path), each);
    if (fault) faults[each.path] = fault;
  }
  if (spec.instructions.length > LONGEST_INSTRUCTIONS)
    faults["instructions"] = `at most ${LONGEST_INSTRUCTIONS} characters`;
  if (spec.model.trim() === "") faults["model"] = "name a model, or `default`";
  if (spec.http_allow.length > MOST_HOSTS) faults["http_allow"] = `at most ${MOST_HOSTS} hosts`;
  const cost = spec.limits.cost_micros;
  if (cost != null && !(Number.isSafeInteger(cost) && cost >= 1 && cost <= MOST_COST)) {
    faults["limits.cost_micros"] = "a number above 0, or nothing";
  }
  const stray = spec.http_headers.find((each) => !spec.http_allow.includes(each.host));
  if (stray) faults["http_headers"] = `${stray.host} is not among the hosts above`;
  const odd = spec.http_allow.find((host) => !/^[a-z0-9.-]+(:\d+)?$/i.test(host));
  if (odd !== undefined) faults["http_allow"] = `${odd} is not a host name`;
  return faults;
}

function numberFault(value: number, each: NumberField): string | null {
  if (Number.isNaN(value)) return "a number is needed";
  if (each.whole && !Number.isInteger(value)) return "a whole number is needed";
  if (value < each.min) return `at least ${each.min}`;
  if (value > each.max) return `at most ${each.max}`;
  return null;
}

/** The server's complaints by path, as far as they name fields of the definition. */
export function faultsOf(error: Error | null): Faults {
  if (!(error instanceof ApiError)) return {};
  const faults: Record<string, string> = {};
  for (const { loc, msg } of error.fields) {
    const path = loc.filter((part) => part !== "body" && part !== "spec" && !/^\d+$/.test(part)).join(".");
    faults[path] = msg;
  }
  return faults;
}

/** One host a line, as typed. */
export function hostsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
