import type { ReactNode } from "react";
import { Dialog } from "../components/dialog";
import { Copy } from "../components/values";

/** A signing secret, the only time that it can be seen. */
export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }): ReactNode {
  return (
    <Dialog title="The signing secret" submit={null} onSubmit={onClose} onClose={onClose}>
      <p>
        This is the only time that it is shown. The receiver needs it to check the header <code>webhook-signature</code>
        .
      </p>
      <p className="code row">
        <code className="grow wrap">{secret}</code>
        <Copy text={secret} what="secret" />
      </p>
    </Dialog>
  );
}
