import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { hostsOf } from "../agents/spec-form";
import type { SecretView } from "../api/schema.gen";
import { changeSecret } from "../api/secrets";
import { Dialog } from "../components/dialog";
import { useUnsaved } from "../components/leaving";
import { useToasts } from "../components/toasts";
import { hostsFault } from "./secret-rules";
import { TermsFields, termsOf } from "./secret-terms";

/** Changes where a secret may be sent and who may use it; its value stays. */
export function EditSecret({ secret, onClose }: { secret: SecretView; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const [terms, setTerms] = useState(() => termsOf(secret));
  const unsaved = useUnsaved(terms);
  const fault = hostsFault(terms.hosts);
  const save = useMutation({
    mutationFn: () => changeSecret(secret.name, changesOf(secret, terms)),
    onSuccess: async () => {
      tell(`${secret.name} is changed: calls are held to it in five seconds`);
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    },
    onError: fail,
  });
  return (
    <Dialog
      title={`Edit ${secret.name}`}
      submit="Save"
      busy={save.isPending || fault !== null || !unsaved.isChanged}
      unsaved={unsaved}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <p className="muted">Its value stays as it is.</p>
      <TermsFields terms={terms} fault={fault} onChange={setTerms} />
    </Dialog>
  );
}

/** Only what was changed here: what somebody else changes meanwhile stays. */
function changesOf(secret: SecretView, terms: ReturnType<typeof termsOf>): Parameters<typeof changeSecret>[1] {
  const before = termsOf(secret);
  return {
    ...(terms.hosts !== before.hosts && { hosts: hostsOf(terms.hosts) }),
    ...(terms.description !== before.description && { description: terms.description }),
    ...(terms.agent !== before.agent && { agent: terms.agent ?? null }),
  };
}
