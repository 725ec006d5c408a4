import type { ReactNode } from "react";
import { Dialog } from "../components/dialog";
import { Copy } from "../components/values";

/** A link that is shown once; sending it is the owner's part. */
export function OneTimeLink({
  link,
  title,
  lasts,
  onClose,
}: {
  link: string;
  title: string;
  lasts: string;
  onClose: () => void;
}): ReactNode {
  return (
    <Dialog title={title} submit={null} onSubmit={onClose} onClose={onClose}>
      <p>Send this link yourself. It works once, {lasts}, for whoever holds it, and is shown only now.</p>
      <p className="code row">
        <code className="grow wrap">{link}</code>
        <Copy text={link} what="link" />
      </p>
    </Dialog>
  );
}
