import type { ReactNode } from "react";
import type { AgentSpec } from "../api/schema.gen";
import { money } from "../budget/share";
import { Json } from "../components/prose";
import { Fact } from "../components/values";
import { count, duration } from "../text/format";
import { EFFECTS } from "./spec-form";

/** A definition to read. */
export function SpecView({ spec }: { spec: AgentSpec }): ReactNode {
  const { limits, memory, evolution, loop_breaker, approval } = spec;
  return (
    <div className="card-body stack">
      <p className="code wrap">{spec.instructions}</p>
      <dl className="facts">
        <Fact name="Model">{spec.model}</Fact>
        <Fact name="Calls tools">{spec.tool_mode ?? "as the model is set"}</Fact>
        <Fact name="Strategy">{spec.strategy}</Fact>
        <Fact name="Handles">{["public", "the tenant’s own", "confidential"][spec.sensitivity]}</Fact>
        <Fact name="Temperature">{spec.temperature}</Fact>
        <Fact name="Built-in tools">{spec.tools.join(", ") || "none"}</Fact>
        <Fact name="Plug-in tools">{spec.plugins.join(", ") || "none"}</Fact>
        <Fact name="Web hosts">{spec.http_allow.join(", ") || "none"}</Fact>
        {spec.http_headers.length > 0 && (
          <Fact name="Headers with secrets">
            {spec.http_headers.map((each) => (
              <code key={`${each.host} ${each.header}`} className="wrap">
                {each.host} {each.header}: {each.value}{" "}
              </code>
            ))}
          </Fact>
        )}
        <Fact name="Memory">
          {memory.recall ? `recalls up to ${memory.recall_limit}` : "does not recall"},{" "}
          {memory.remember ? "remembers" : "does not remember"}, {memory.visibility}
        </Fact>
        <Fact name="Evolved tools">
          {evolution.reuse ? `reuses up to ${evolution.bind_limit}` : "reuses none"},{" "}
          {evolution.create ? "may make new ones" : "makes none"}
        </Fact>
        <Fact name="Steps, model calls, tool calls">
          {count(limits.steps)}, {count(limits.model_calls)}, {count(limits.tool_calls)}
        </Fact>
        <Fact name="Tokens, per answer">
          {count(limits.tokens)}, {count(limits.completion_tokens)}
        </Fact>
        <Fact name="Wall time">{duration(limits.wall_s * 1000)}</Fact>
        <Fact name="Cost">{limits.cost_micros == null ? "not bounded" : money(limits.cost_micros)}</Fact>
        <Fact name="A person decides on">
          {[approval.from_class == null ? "" : `${EFFECTS[approval.from_class]} and above`, approval.tools.join(", ")]
            .filter(Boolean)
            .join("; ") || "nothing"}
        </Fact>
        <Fact name="Loop breaker">
          {loop_breaker.enabled
            ? `after ${loop_breaker.repeats} equal calls, or ${loop_breaker.pairs} rounds of two`
            : "off"}
        </Fact>
      </dl>
      <details>
        <summary className="small muted">as JSON</summary>
        <Json value={spec} />
      </details>
    </div>
  );
}
