import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import { useNavigate } from "react-router";
import { api, body } from "../api/client";
import type { ToolBundleBody } from "../api/schema.gen";
import { useToasts } from "../components/toasts";

/** Take a tool from a file; the server verifies, scans and tests it, and it waits to be enabled. */
export function ImportTool(): ReactNode {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { fail, tell } = useToasts();
  const file = useRef<HTMLInputElement>(null);
  const take = useMutation({
    mutationFn: async (chosen: File) => {
      const bundle = JSON.parse(await chosen.text()) as ToolBundleBody;
      return body(api.POST("/v1/tools/import", { body: bundle }));
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
