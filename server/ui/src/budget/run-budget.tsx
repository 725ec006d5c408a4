import type { ReactNode } from "react";
import type { RunDetailView } from "../api/schema.gen";
import { Card } from "../components/page";
import { duration } from "../text/format";
import { Meter } from "./meter";
import { money } from "./share";

/** What a run has used of its limits, and what is left. */
export function RunBudget({ run }: { run: RunDetailView }): ReactNode {
  const { spent, left, limits } = run;
  return (
    <Card title="Budget of this run">
      <div className="meters card-body">
        <Meter name="Tokens" used={spent.tokens} bound={limits.tokens} />
        <Meter name="Steps" used={spent.steps} bound={limits.steps} />
        <Meter name="Model calls" used={spent.model_calls} bound={limits.model_calls} />
        <Meter name="Tool calls" used={spent.tool_calls} bound={limits.tool_calls} />
        <Meter
          name="Wall time"
          used={Math.max(0, limits.wall_s - left.wall_s)}
          bound={limits.wall_s}
          show={(seconds) => duration(seconds * 1000)}
        />
        <Meter name="Cost" used={spent.cost_micros} bound={limits.cost_micros} show={money} />
      </div>
    </Card>
  );
}
