import type { AgentSpec } from "../api/schema.gen";

const SUFFIX = ".draft";
const LONGEST_NAME = 63;

/** The agent under which drafts of another one run; a draft of a draft is itself. */
export function draftName(name: string): string {
  return name.endsWith(SUFFIX) ? name : name.slice(0, LONGEST_NAME - SUFFIX.length) + SUFFIX;
}

/** What is tried out leaves no memory behind and makes no tool that others would find. */
export function draftSpec(spec: AgentSpec): AgentSpec {
  return {
    ...spec,
    memory: { ...spec.memory, remember: false, visibility: "private" },
    evolution: { ...spec.evolution, create: false },
  };
}
