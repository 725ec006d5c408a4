import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import { memoryQuery } from "../api/queries";
import type { MemoryView } from "../api/schema.gen";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { useToasts } from "../components/toasts";
import { useCan } from "../shell/me";
import { tame } from "../text/visible";

/** Other words in place of what was remembered. */
export function EditMemory({ memory }: { memory: MemoryView }): ReactNode {
  const can = useCan();
  const [open, setOpen] = useState(false);
  if (!can("memories:write")) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Edit
      </button>
      {open && <Editor memory={memory} onClose={() => setOpen(false)} />}
    </>
  );
}

function Editor({ memory, onClose }: { memory: MemoryView; onClose: () => void }): ReactNode {
  const [first] = useState(memory);
  const [newer, setNewer] = useState<MemoryView | null>(null);
  const base = newer ?? first; // what the form began with, or what somebody else has put in its place
  const [title, setTitle] = useState(memory.title);
  const [content, setContent] = useState(memory.content);
  const unsaved = useUnsaved([title, content]);
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const save = useMutation({
    mutationFn: async () => {
      const params = { path: { memory_id: memory.id } };
      const now = await body(api.GET("/v1/memories/{memory_id}", { params }));
      if (now.title !== base.title || now.content !== base.content) {
        setNewer(now);
        return null;
      }
      return body(api.PATCH("/v1/memories/{memory_id}", { params, body: { title, content } }));
    },
    onSuccess: (edited) => {
      if (edited === null) return;
      client.setQueryData(memoryQuery(memory.id).queryKey, edited);
      void client.invalidateQueries({ queryKey: ["memories"] });
      tell("Agents recall these words from now on");
      onClose();
    },
    onError: fail,
  });
  const isOff = title.trim() === "" || content.trim() === "";
  const isSame = title === base.title && content === base.content;
  const isOvertaken = newer !== null && !isSame;
  return (
    <Dialog
      title="Edit this memory"
      submit={save.isPending ? "Saving…" : "Save"}
      busy={save.isPending || isOff || isSame}
      unsaved={unsaved}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <p className="muted">Where it came from, and whether its text is trusted, stays as it is.</p>
      {isOvertaken && (
        <div className="notice notice-waiting" role="alert">
          <b>It was edited meanwhile</b>
          <span className="muted wrap">It says now: “{tame(base.content)}”. Save again to put yours in its place.</span>
        </div>
      )}
      <TextField label="Title" value={title} onChange={(text) => setTitle(text.slice(0, 120))} />
      <TextField
        label="What is remembered"
        rows={8}
        value={content}
        onChange={(text) => setContent(text.slice(0, 20_000))}
      />
    </Dialog>
  );
}
