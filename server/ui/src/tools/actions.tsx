import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import type { ToolVersionView, ToolView } from "../api/schema.gen";
import { Confirm } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { save } from "./save";

const REASON = "Why (kept with the tool, and in the audit log)";

function useChange(tool: ToolView, told: string) {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  return {
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["tool", tool.id] });
      void client.invalidateQueries({ queryKey: ["tools"] });
      tell(told);
    },
    onError: fail,
  };
}

/** Out of use, everywhere. */
export function DisableTool({ tool }: { tool: ToolView }): ReactNode {
  const can = useCan();
  const disable = useMutation({
    mutationFn: (reason: string) =>
      body(api.POST("/v1/tools/{tool}/disable", { params: { path: { tool: tool.id } }, body: { reason } })),
    ...useChange(tool, `${tool.name} is out of use`),
  });
  if (tool.active_version === null || !can("tools:write")) return null;
  return (
    <Confirm
      label="Disable"
      title={`Disable ${tool.name}?`}
      detail={`Version ${tool.active_version} goes out of use everywhere: its next call is refused, in runs under way too.`}
      reason={REASON}
      onConfirm={(reason) => disable.mutateAsync(reason).catch(() => false)}
    />
  );
}

/** What can be done with the version that is shown. */
export function VersionActions({ tool, version }: { tool: ToolView; version: ToolVersionView }): ReactNode {
  const can = useCan();
  const writes = can("tools:write");
  const isActive = version.version === tool.active_version;
  const isEarlier = tool.active_version !== null && version.version < tool.active_version;
  const mayComeIn = ["quarantined", "tested", "disabled", "rolled_back"].includes(version.state);
  return (
    <div className="row">
      {writes && !isActive && mayComeIn && (
        <PutToUse tool={tool} version={version} act={isEarlier ? "rollback" : "enable"} />
      )}
      {writes && <Check tool={tool} version={version} />}
      <Export tool={tool} version={version} />
    </div>
  );
}

function PutToUse({
  tool,
  version,
  act,
}: {
  tool: ToolView;
  version: ToolVersionView;
  act: "enable" | "rollback";
}): ReactNode {
  const number = version.version;
  const path = act === "enable" ? ("/v1/tools/{tool}/enable" as const) : ("/v1/tools/{tool}/rollback" as const);
  const change = useMutation({
    mutationFn: (reason: string) =>
      body(api.POST(path, { params: { path: { tool: tool.id } }, body: { version: number, reason } })),
    ...useChange(tool, `version ${number} of ${tool.name} is in use`),
  });
  const enable = act === "enable";
  return (
    <Confirm
      label={enable ? `Enable version ${number}` : `Roll back to version ${number}`}
      className={enable ? "button button-primary" : "button button-danger"}
      title={enable ? `Enable version ${number} of ${tool.name}?` : `Roll ${tool.name} back to version ${number}?`}
      detail={
        tool.active_version === null
          ? "Agents of this tenant find it and may call it from their next step on."
          : `Version ${tool.active_version} goes out of use everywhere, from its next call on.`
      }
      reason={REASON}
      onConfirm={(reason) => change.mutateAsync(reason).catch(() => false)}
    />
  );
}

function Check({ tool, version }: { tool: ToolView; version: ToolVersionView }): ReactNode {
  const path = { tool: tool.id, version: version.version };
  const check = useMutation({
    mutationFn: () => body(api.POST("/v1/tools/{tool}/versions/{version}/check", { params: { path } })),
    ...useChange(tool, "a worker checks it now"),
  });
  return (
    <button type="button" className="button" disabled={check.isPending} onClick={() => check.mutate()}>
      Check again
    </button>
  );
}

function Export({ tool, version }: { tool: ToolView; version: ToolVersionView }): ReactNode {
  const { fail } = useToasts();
  const path = { tool: tool.id, version: version.version };
  const get = useMutation({
    mutationFn: () => body(api.GET("/v1/tools/{tool}/versions/{version}/bundle", { params: { path } })),
    onSuccess: (bundle) => save(`${tool.name}-${version.version}.tool.json`, JSON.stringify(bundle, null, 2)),
    onError: fail,
  });
  return (
    <button type="button" className="button" disabled={get.isPending} onClick={() => get.mutate()}>
      Export
    </button>
  );
}
