import { type ReactNode, useEffect, useState } from "react";
import { Link } from "react-router";
import { absolute, duration, relative, shortId } from "../text/format";
import { useClockText } from "./clock";
import { Icon } from "./icons";

/** When something was: relative, with the absolute time on hover. */
export function When({ at }: { at: string }): ReactNode {
  const text = useClockText((now) => relative(Date.parse(at), now));
  return (
    <time dateTime={at} title={absolute(at)}>
      {text}
    </time>
  );
}

/** How long something took, or has been taking. */
export function Took({ from, to }: { from: string | null; to: string | null }): ReactNode {
  const text = useClockText((now) => (from ? duration((to ? Date.parse(to) : now) - Date.parse(from)) : "–"));
  return <span>{text}</span>;
}

/** Puts a text into the clipboard and says so. */
export function Copy({ text, what }: { text: string; what: string }): ReactNode {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = window.setTimeout(() => setCopied(null), 1_500);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const words = copied === null ? `Copy ${what}` : copied ? `${what} copied` : `${what} not copied: select it`;
  return (
    <button
      type="button"
      className="copy"
      aria-label={words}
      title={words}
      onClick={(press) => {
        press.preventDefault();
        void copyText(text, press.currentTarget).then(setCopied);
      }}
    >
      <Icon name={copied === null ? "copy" : copied ? "check" : "close"} />
    </button>
  );
}

async function copyText(text: string, button: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages over plain HTTP have no clipboard; a selection can still be copied, beside an open dialog's own parts only.
    const area = document.createElement("textarea");
    area.value = text;
    button.after(area);
    area.select();
    const done = document.activeElement === area && document.execCommand("copy");
    area.remove();
    button.focus();
    return done;
  }
}

/** An id: short to read, whole on hover and in the clipboard. */
export function Id({ id, to, what = "id" }: { id: string; to?: string; what?: string }): ReactNode {
  const text = shortId(id);
  return (
    <span className="id" title={id}>
      {to ? <Link to={to}>{text}</Link> : text}
      <Copy text={id} what={what} />
    </span>
  );
}

/** A label with its value. */
export function Fact({
  name,
  isWide = false,
  children,
}: {
  name: string;
  isWide?: boolean;
  children: ReactNode;
}): ReactNode {
  return (
    <div className={isWide ? "fact-wide" : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
