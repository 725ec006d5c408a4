import type { ReactNode } from "react";
import { Status } from "../components/status";

interface Step {
  readonly id: string;
  readonly tool?: string;
  readonly arguments?: Record<string, unknown>;
  readonly read?: string;
  readonly question?: string;
  readonly fields?: Record<string, string>;
}

/** A plan as a list: what is called, and what is read out of which result. */
export function PlanView({ plan, problem }: { plan: Record<string, unknown>; problem?: string | null }): ReactNode {
  if (problem) {
    return (
      <>
        <div className="row small">
          <Status tone="bad">not usable</Status>
          <span className="wrap">{problem}</span>
        </div>
        <pre className="raw">{String(plan["text"] ?? "")}</pre>
      </>
    );
  }
  const steps = (Array.isArray(plan["steps"]) ? plan["steps"] : []) as readonly Step[];
  return (
    <>
      <ol className="stack small">
        {steps.map((step) => (
          <li key={step.id} className="wrap">
            <b>{step.id}</b>: {step.tool ? callWords(step) : readWords(step)}
          </li>
        ))}
      </ol>
      <p className="small wrap">
        <span className="muted">then answers:</span> {String(plan["reply"] ?? "")}
      </p>
    </>
  );
}

function callWords(step: Step): string {
  return `${step.tool}(${JSON.stringify(step.arguments ?? {})})`;
}

function readWords(step: Step): string {
  const fields = Object.entries(step.fields ?? {}).map(([name, kind]) => `${name}: ${kind}`);
  return `reads ${step.read} without tools: ${step.question} (${fields.join(", ")})`;
}
