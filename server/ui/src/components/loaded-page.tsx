import type { ReactNode } from "react";
import { Page } from "./page";
import { Loaded, type Read } from "./states";

/** The page of one thing: while it is fetched, and where it cannot be, a heading and the way back stand there. */
export function LoadedPage<T>({
  query,
  title,
  crumb,
  children,
}: {
  query: Read<T>;
  /** What it is, until its own name is known. */
  title: string;
  crumb: { readonly to: string; readonly text: string };
  children: (data: T) => ReactNode;
}): ReactNode {
  if (query.data !== undefined) return children(query.data);
  return (
    <Page title={title} crumb={crumb}>
      <Loaded query={query}>{children}</Loaded>
    </Page>
  );
}
