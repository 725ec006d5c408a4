import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import { ApiError, isOutage } from "../api/problem";

/** Nothing there, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="state">
      <b>{title}</b>
      {children}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={what}>
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

/** What went wrong, in the server's words, and a way to try again. */
export function Failure({
  error,
  retry,
  isTrying = false,
}: {
  error: Error;
  retry?: () => void;
  isTrying?: boolean;
}): ReactNode {
  const known = error instanceof ApiError ? error : null;
  return (
    <div className="state" role="alert">
      <b>{heading(known)}</b>
      <p>{error.message}</p>
      {known?.requestId && <p className="small mono">request {known.requestId}</p>}
      {retry && known?.status !== 403 && known?.status !== 404 && (
        <button type="button" className="button" disabled={isTrying} onClick={retry}>
          {isTrying ? "Trying…" : "Try again"}
        </button>
      )}
    </div>
  );
}

function heading(error: ApiError | null): string {
  if (error === null) return "Something went wrong";
  if (error.status === 403) return "Your key or role does not cover this";
  if (error.status === 404) return "There is no such thing here";
  return error.title;
}

export interface Read<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly refetch: () => unknown;
}

/** One of: loading, failed, there. What was read once stays visible when a refresh fails. */
export function Loaded<T>({
  query,
  what,
  children,
}: {
  query: Read<T>;
  what?: string;
  children: (data: T) => ReactNode;
}): ReactNode {
  const error = useStanding(query);
  if (query.data !== undefined) return children(query.data);
  if (error) return <Failure error={error} retry={() => void query.refetch()} isTrying={query.error === null} />;
  return <Loading {...(what ? { what } : {})} />;
}

/** What went wrong, while an outage lasts also between two attempts: a page that blinks cannot be read. */
function useStanding({ data, error }: Pick<Read<unknown>, "data" | "error">): Error | null {
  const last = useRef<Error | null>(null);
  if (data !== undefined || (error !== null && !isOutage(error))) last.current = null;
  else if (error !== null) last.current = error;
  return error ?? last.current;
}

interface Pages<T> {
  readonly pages: readonly { readonly items: readonly T[] }[];
}

/** A list in pages: empty, loading and failed states, and a button for the next page. */
export function Paged<T>({
  query,
  empty,
  children,
}: {
  query: UseInfiniteQueryResult<Pages<T>>;
  empty: ReactNode;
  children: (items: readonly T[]) => ReactNode;
}): ReactNode {
  return (
    <Loaded query={query}>
      {(data) => {
        const items = data.pages.flatMap((page) => page.items);
        if (items.length === 0) return empty;
        return (
          <>
            {children(items)}
            {query.hasNextPage && (
              <div className="card-body row">
                <button
                  type="button"
                  className="button"
                  disabled={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {query.isFetchingNextPage ? "Loading…" : "Show older ones"}
                </button>
              </div>
            )}
          </>
        );
      }}
    </Loaded>
  );
}
