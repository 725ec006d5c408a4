import { type RefObject, useEffect, useRef, useState } from "react";
import { type Window, windowOf } from "./windowing";

const USUAL_ROW = 42; // pixels, until the first row can be measured

/** Which rows of a table body to render while the page scrolls, and how high one of them is. */
export function useWindow(count: number): [RefObject<HTMLTableSectionElement | null>, Window, number] {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRef(USUAL_ROW);
  const [shown, setShown] = useState<Window>(() => windowOf(count, USUAL_ROW, 0, window.innerHeight));
  useEffect(() => {
    let frame = 0;
    function look(): void {
      frame = 0;
      const element = body.current;
      if (element === null) return;
      const row = element.querySelector<HTMLElement>("tr[data-row]");
      if (row && row.offsetHeight > 0) height.current = row.offsetHeight;
      const above = -element.getBoundingClientRect().top;
      const next = windowOf(count, height.current, above, window.innerHeight);
      setShown((now) => (now.first === next.first && now.last === next.last ? now : next));
    }
    function soon(): void {
      if (frame === 0) frame = window.requestAnimationFrame(look);
    }
    soon();
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    return () => {
      window.cancelAnimationFrame(frame);
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
    };
  }, [count]);
  // Between a change of the list and the next look at it, the window is that of the list before.
  const { first, last } =
    shown.last > count || shown.last === 0 ? windowOf(count, height.current, 0, window.innerHeight) : shown;
  return [body, { first, last }, height.current];
}
