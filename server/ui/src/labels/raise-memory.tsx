import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import type { MemoryView } from "../api/schema.gen";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { type Level, levelText } from "./levels";
import { Raise } from "./raise";

/** Says by hand how sensitive a memory counts; for those who write policies. */
export function RaiseMemory({ memory }: { memory: MemoryView }): ReactNode {
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [open, setOpen] = useState(false);
  const save = useMutation({
    mutationFn: (change: { sensitivity: Level; reason: string }) =>
      body(
        api.PUT("/v1/memories/{memory_id}/sensitivity", {
          params: { path: { memory_id: memory.id } },
          body: change,
        }),
      ),
    onSuccess: async (_, { sensitivity }) => {
      setOpen(false);
      tell(
        sensitivity === 0 ? "Its label counts again" : `It counts as ${levelText(sensitivity)} from its next recall on`,
      );
      await client.invalidateQueries({ predicate: (each) => `${each.queryKey[0]}`.startsWith("memor") });
    },
    onError: fail,
  });
  if (!can("policies:write")) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Sensitivity
      </button>
      {open && (
        <Raise
          title="How sensitive is this memory?"
          detail="It counts for every run that recalls it from now on, and never less than its label says."
          level={memory.sensitivity_floor ?? 0}
          busy={save.isPending}
          onSave={(change) => save.mutate(change)}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
