import { type FormEvent, type ReactNode, type SyntheticEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { useToasts } from "./toasts";

/** What a form holds that is not saved. */
export interface Unsaved {
  readonly isChanged: boolean;
  /** It is saved, or given up: what comes next is not asked about. */
  readonly release: () => void;
}

/** A modal question with a form; Escape and Cancel close it, after a question where something `unsaved` would be lost. */
export function Dialog({
  title,
  submit,
  cancel = submit === null ? "Close" : "Cancel",
  danger = false,
  busy = false,
  unsaved,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  submit: string | null;
  cancel?: string;
  danger?: boolean;
  busy?: boolean;
  unsaved?: Unsaved;
  onSubmit: () => void;
  onClose: () => void;
  children?: ReactNode;
}): ReactNode {
  const [leaving, setLeaving] = useState(false);
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
  function close(): void {
    if (unsaved?.isChanged) setLeaving(true);
    else onClose();
  }
  function onCancel(event: SyntheticEvent): void {
    event.preventDefault();
    close();
  }
  /** A second Escape closes a dialog past `cancel`, without asking anybody. */
  function onClosed(): void {
    if (ref.current === null || ref.current.open) return;
    ref.current.showModal();
    close();
  }
  return (
    <>
      <dialog ref={ref} aria-labelledby={heading} onCancel={onCancel} onClose={onClosed}>
        <form className="dialog-body" onSubmit={send}>
          <h1 id={heading}>{title}</h1>
          {children}
          <div className="dialog-foot">
            <button type="button" className="button" onClick={close}>
              {cancel}
            </button>
            {submit !== null && (
              <button type="submit" className={danger ? "button button-stop" : "button button-primary"} disabled={busy}>
                {submit}
              </button>
            )}
          </div>
        </form>
      </dialog>
      {leaving && (
        <GiveUp
          onStay={() => setLeaving(false)}
          onLeave={() => {
            unsaved?.release();
            onClose();
          }}
        />
      )}
    </>
  );
}

/** Asked before something is lost that was typed. */
export function GiveUp({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }): ReactNode {
  return (
    <Dialog
      title="Leave without saving?"
      submit="Leave"
      cancel="Keep editing"
      danger
      onSubmit={onLeave}
      onClose={onStay}
    >
      <p className="muted">What was changed here is not saved yet, and would be lost.</p>
    </Dialog>
  );
}

/** A button that asks before it does what cannot simply be undone; with `reason` it asks why, too. */
export function Confirm({
  label,
  title,
  detail,
  reason,
  className = "button button-danger",
  danger = true,
  disabled = false,
  open: startsOpen = false,
  onClose,
  onConfirm,
  children,
}: {
  label: string;
  title: string;
  detail: string;
  reason?: string;
  className?: string;
  danger?: boolean;
  disabled?: boolean;
  /** Asked at once, as by a link to the question. */
  open?: boolean;
  onClose?: () => void;
  /** Gives false where it was not done and the reader was told: the question stays, with the reason. */
  onConfirm: (reason: string) => Promise<unknown>;
  /** What exactly it is about. */
  children?: ReactNode;
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
          danger={danger}
          busy={busy || (reason !== undefined && why.trim() === "")}
          onSubmit={() => void confirm()}
          onClose={close}
        >
          <p className="muted">{detail}</p>
          {children}
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
