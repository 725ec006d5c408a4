import { useSyncExternalStore } from "react";

const TICK_MS = 1_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer = 0;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === 0) {
    now = Date.now();
    timer = window.setInterval(() => {
      now = Date.now();
      for (const each of listeners) each();
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = 0;
    }
  };
}

/** The time, to the second; all who ask share one timer. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () =>
    listeners.size === 0 ? Math.floor(Date.now() / TICK_MS) * TICK_MS : now,
  );
}

/** A text that depends on the time; rendered anew only when the text changes. */
export function useClockText(text: (now: number) => string): string {
  return useSyncExternalStore(subscribe, () => text(listeners.size === 0 ? Date.now() : now));
}
