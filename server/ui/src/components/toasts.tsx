import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { createPortal } from "react-dom";
import { newId } from "../api/client";
import { ApiError } from "../api/problem";
import { Icon } from "./icons";

interface Toast {
  readonly id: string;
  readonly bad: boolean;
  readonly title: string;
  readonly detail: string;
}

interface Toasts {
  readonly tell: (title: string) => void;
  readonly fail: (error: Error) => void;
  /** Shows them inside of an open dialog, beside which everything is out of reach, until the answer is called. */
  readonly showIn: (dialog: Element) => () => void;
}

const Context = createContext<Toasts | null>(null);
const SHOWN = 4;
const GOOD_MS = 4_000;

/** Short notes in a corner: good ones go by themselves, errors stay until they are closed. */
export function ToastProvider({ children }: { children: ReactNode }): ReactNode {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [dialogs, setDialogs] = useState<readonly Element[]>([]);
  const close = useCallback((id: string) => setToasts((shown) => shown.filter((each) => each.id !== id)), []);
  const show = useCallback(
    (bad: boolean, title: string, detail: string) => {
      const toast = { id: newId(), bad, title, detail };
      setToasts((shown) => [...shown, toast].slice(-SHOWN));
      if (!bad) window.setTimeout(() => close(toast.id), GOOD_MS);
    },
    [close],
  );
  const value = useMemo<Toasts>(
    () => ({
      tell: (title) => show(false, title, ""),
      showIn: (dialog) => {
        setDialogs((open) => [...open, dialog]);
        return () => setDialogs((open) => open.filter((each) => each !== dialog));
      },
      fail: (error) => show(true, error instanceof ApiError ? error.title : "Something went wrong", error.message),
    }),
    [show],
  );
  const dialog = dialogs.at(-1);
  const notes = (
    <section className="toasts" aria-label="Notes" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={toast.bad ? "toast toast-bad" : "toast"}>
          <b>{toast.title}</b>
          <button type="button" className="copy" aria-label="Close note" onClick={() => close(toast.id)}>
            <Icon name="close" />
          </button>
          {toast.detail && <span className="muted">{toast.detail}</span>}
        </div>
      ))}
    </section>
  );
  return (
    <Context value={value}>
      {children}
      {dialog === undefined ? notes : createPortal(notes, dialog)}
    </Context>
  );
}

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (toasts === null) throw new Error("no toasts around");
  return toasts;
}
