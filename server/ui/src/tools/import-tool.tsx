import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import { useNavigate } from "react-router";
import { api, body } from "../api/client";
import { ApiError } from "../api/problem";
import type { ToolBundleBody } from "../api/schema.gen";
import { useToasts } from "../components/toasts";

/** What a file holds; whether it is a tool, the server finds out. */
function bundleIn(text: string, name: string): ToolBundleBody {
  try {
    return JSON.parse(text) as ToolBundleBody;
  } catch {
    const detail = `${name} is not JSON: choose a file that “Export” has saved on a tool’s page.`;
    throw new ApiError({ title: "That is no tool", detail }, 0);
  }
}

/** Take a tool from a file; the server verifies, scans and tests it, and it waits to be enabled. */
export function ImportTool(): ReactNode {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { fail, tell } = useToasts();
  const file = useRef<HTMLInputElement>(null);
  const take = useMutation({
    mutationFn: async (chosen: File) => {
      return body(api.POST("/v1/tools/import", { body: bundleIn(await chosen.text(), chosen.name) }));
    },
    onSuccess: ({ tool }) => {
      void client.invalidateQueries({ queryKey: ["tools"] });
      tell(`${tool.name} is quarantined until somebody enables it`);
      void navigate(`/tools/${tool.id}`);
    },
    onError: fail,
  });
  return (
    <>
      <input
        ref={file}
        type="file"
        accept=".json,application/json"
        aria-label="Tool bundle"
        hidden
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen) take.mutate(chosen);
          event.target.value = "";
        }}
      />
      <button type="button" className="button" disabled={take.isPending} onClick={() => file.current?.click()}>
        Import
      </button>
    </>
  );
}
