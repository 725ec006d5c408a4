import { type FormEvent, type ReactNode, type SyntheticEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { useToasts } from "./toasts";

/** A modal question with a form; Escape and Cancel close it. */
export function Dialog({
  title,
  submit,
  danger = false,
  busy = false,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  submit: string | null;
  danger?: boolean;
  busy?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children?: ReactNode;
}): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const { showIn } = useToasts();
  // Closed before it is taken off the page: only so the focus goes back to what opened it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    dialog.showModal();
    const leave = showIn(dialog);
    return () => {
      leave();
      dialog.close();
    };
  }, [showIn]);
  function send(event: FormEvent): void {
    event.preventDefault();
    event.stopPropagation();
    onSubmit();
  }
  function cancel(event: SyntheticEvent): void {
    event.preventDefault();
    onClose();
  }
  return (
    <dialog ref={ref} aria-labelledby={heading} onCancel={cancel}>
      <form className="dialog-body" onSubmit={send}>
        <h1 id={heading}>{title}</h1>
        {children}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            {submit === null ? "Close" : "Cancel"}
          </button>
          {submit !== null && (
            <button type="submit" className={danger ? "button button-stop" : "button button-primary"} disabled={busy}>
              {submit}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}

/** A button that asks before it does something that cannot be undone; with `reason` it asks why, too. */
export function Confirm({
  label,
  title,
  detail,
  reason,
  className = "button button-danger",
  disabled = false,
  open: startsOpen = false,
  onClose,
  onConfirm,
}: {
  label: string;
  title: string;
  detail: string;
  reason?: string;
  className?: string;
  disabled?: boolean;
  /** Asked at once, as by a link to the question. */
  open?: boolean;
  onClose?: () => void;
  /** Gives false where it was not done and the reader was told: the question stays, with the reason. */
  onConfirm: (reason: string) => Promise<unknown>;
}): ReactNode {
  const [open, setOpen] = useState(startsOpen);
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState("");
  const field = useId();
  function close(): void {
    setOpen(false);
    onClose?.();
  }
  async function confirm(): Promise<void> {
    setBusy(true);
    try {
      if ((await onConfirm(why.trim())) === false) return;
      setWhy("");
      close();
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <button type="button" className={className} disabled={disabled} onClick={() => setOpen(true)}>
        {label}
      </button>
      {open && (
        <Dialog
          title={title}
          submit={label}
          danger
          busy={busy || (reason !== undefined && why.trim() === "")}
          onSubmit={() => void confirm()}
          onClose={close}
        >
          <p className="muted">{detail}</p>
          {reason !== undefined && (
            <div className="field">
              <label htmlFor={field}>{reason}</label>
              <input
                id={field}
                className="input"
                value={why}
                maxLength={500}
                onChange={(event) => setWhy(event.target.value)}
              />
            </div>
          )}
        </Dialog>
      )}
    </>
  );
}
