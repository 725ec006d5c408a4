import { createContext, type ReactNode, useContext, useEffect, useLayoutEffect, useMemo, useState } from "react";
import { useBlocker } from "react-router";
import { GiveUp, type Unsaved } from "./dialog";

/** Goes somewhere, or does what empties the page. */
type Go = () => void;

interface Guard {
  /** Notes that a form holds what is not saved; the answer takes that back. */
  readonly hold: (form: object) => Go;
  /** Does it at once, or after a question where something would be lost. */
  readonly leave: (go: Go) => void;
}

const Context = createContext<Guard | null>(null);

/** Asks before something is lost that was typed: by another address, Back, or the end of the tab. */
export function LeaveGuard({ children }: { children: ReactNode }): ReactNode {
  const [forms] = useState(() => new Set<object>());
  const [asked, setAsked] = useState<{ readonly go: Go } | null>(null);
  const blocker = useBlocker(
    ({ currentLocation: here, nextLocation: there }) =>
      forms.size > 0 && (here.pathname !== there.pathname || here.search !== there.search),
  );
  const guard = useMemo<Guard>(
    () => ({
      hold: (form) => {
        forms.add(form);
        return () => forms.delete(form);
      },
      leave: (go) => (forms.size === 0 ? go() : setAsked({ go })),
    }),
    [forms],
  );
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent) => forms.size > 0 && event.preventDefault();
    window.addEventListener("beforeunload", onUnload);
    return () => window.removeEventListener("beforeunload", onUnload);
  }, [forms]);
  function go(): void {
    setAsked(null);
    forms.clear();
    asked?.go();
  }
  return (
    <Context value={guard}>
      {children}
      {blocker.state === "blocked" && <GiveUp onStay={blocker.reset} onLeave={blocker.proceed} />}
      {asked && <GiveUp onStay={() => setAsked(null)} onLeave={go} />}
    </Context>
  );
}

function useGuard(): Guard {
  const guard = useContext(Context);
  if (guard === null) throw new Error("no leave guard around");
  return guard;
}

/** For every form that holds more than a line or two: while it differs from how it began, nobody leaves it unasked. */
export function useUnsaved(values: unknown): Unsaved {
  const { hold } = useGuard();
  const now = JSON.stringify(values);
  const [form] = useState(() => ({ saved: now, drop: () => {} }));
  const isChanged = now !== form.saved;
  // Before the browser paints: whoever presses a link next is asked already.
  useLayoutEffect(() => {
    if (!isChanged) return;
    form.drop = hold(form);
    return form.drop;
  }, [isChanged, hold, form]);
  function release(): void {
    form.saved = now;
    form.drop();
  }
  return { isChanged, release };
}

/** Does what empties the page, after a question where something would be lost. */
export function useLeave(): (go: Go) => void {
  return useGuard().leave;
}
