import { type ReactNode, useEffect } from "react";
import { Link } from "react-router";
import { tame } from "../text/visible";

/** A page: its title (also the window's), where it belongs, what can be done, its parts. */
export function Page({
  title,
  heading,
  crumb,
  actions,
  children,
}: {
  title: string;
  heading?: ReactNode;
  crumb?: { readonly to: string; readonly text: string };
  actions?: ReactNode;
  children: ReactNode;
}): ReactNode {
  useEffect(() => {
    document.title = `${tame(title)} · Hortus`;
  }, [title]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          {crumb && (
            <Link className="crumb" to={crumb.to}>
              {crumb.text}
            </Link>
          )}
          <h1>{heading ?? tame(title)}</h1>
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A box with a heading. */
export function Card({
  title,
  aside,
  children,
}: {
  title?: string;
  aside?: ReactNode;
  children: ReactNode;
}): ReactNode {
  return (
    <section className="card" aria-label={title}>
      {title && (
        <div className="card-head">
          <h2>{title}</h2>
          {aside}
        </div>
      )}
      {children}
    </section>
  );
}

/** The head of the column whose buttons speak for themselves. */
export function ActionsHead(): ReactNode {
  return (
    <th>
      <span className="visually-hidden">Actions</span>
    </th>
  );
}

/** A table that may be wider than its place: the keyboard can scroll it, too. */
export function TableBox({ label, children }: { label: string; children: ReactNode }): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="scroll" tabIndex={0} aria-label={label}>
      <table>{children}</table>
    </section>
  );
}
