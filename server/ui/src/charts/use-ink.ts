import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  system.addEventListener("change", listener);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", listener);
  };
}

/** The colour of text; it changes with the theme, and tells a canvas to take its colours anew. */
export function useInk(): string {
  return useSyncExternalStore(subscribe, () =>
    getComputedStyle(document.documentElement).getPropertyValue("--text").trim(),
  );
}
