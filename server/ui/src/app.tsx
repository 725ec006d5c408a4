import { QueryCache, QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { createBrowserRouter } from "react-router";
import { RouterProvider } from "react-router/dom";
import type { Me } from "./api/people";
import { ApiError, isOutage } from "./api/problem";
import { meQuery } from "./api/queries";
import { Loaded, Loading } from "./components/states";
import { ToastProvider } from "./components/toasts";
import { NotFound } from "./pages/not-found";
import { Overview } from "./pages/overview";
import { SignIn } from "./pages/sign-in";
import { preloadPage } from "./places";
import { PAGE_ROUTES } from "./routes";
import { Shell } from "./shell/shell";

const Join = lazy(() => import("./pages/join"));

const AGAIN_MS = 3_000;

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      // The login ended somewhere else: ask who we are, which shows the sign-in page.
      if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== "me") {
        void client.resetQueries({ queryKey: meQuery.queryKey });
      }
    },
  }),
  defaultOptions: {
    queries: {
      retry: (failures, error) => failures < 2 && isOutage(error),
      staleTime: 1_000,
    },
  },
});

const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [{ index: true, element: <Overview /> }, ...PAGE_ROUTES, { path: "*", element: <NotFound /> }],
  },
]);

export function App(): ReactNode {
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>
        {isLink() ? (
          <Suspense fallback={<Loading />}>
            <Join />
          </Suspense>
        ) : (
          <Gate />
        )}
      </ToastProvider>
    </QueryClientProvider>
  );
}

/** The one page besides signing in that needs no login; whoever is signed in may open a link, too. */
function isLink(): boolean {
  return window.location.pathname === "/join";
}

function Gate(): ReactNode {
  const me = useQuery({
    ...meQuery,
    // Opened during an outage, it shows by itself when that ends.
    refetchInterval: ({ state }) => (state.data === undefined && isOutage(state.error) ? AGAIN_MS : false),
  });
  const isFetched = useFirstPage();
  useOnlyMine(me.data);
  if (me.error instanceof ApiError && me.error.status === 401) return <SignIn />;
  return (
    <Loaded query={me} what="Loading Hortus">
      {() => (isFetched ? <Pages /> : <Loading what="Loading Hortus" />)}
    </Loaded>
  );
}

/** What was read as somebody else goes once another tab has signed in anew. */
function useOnlyMine(me: Me | undefined): void {
  const before = useRef<string | null>(null);
  const who = me && `${me.kind} ${me.id} ${me.tenant_id}`;
  useEffect(() => {
    if (who === undefined) return;
    const isAnother = before.current !== null && before.current !== who;
    before.current = who;
    if (isAnother) void client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" });
  }, [who]);
}

/** Whether the code of the page that was asked for is there; it is fetched while the server says who we are. */
function useFirstPage(): boolean {
  const [isFetched, setFetched] = useState(false);
  useEffect(() => {
    let gone = false;
    void preloadPage(window.location.pathname).then(() => {
      if (!gone) setFetched(true);
    });
    return () => {
      gone = true;
    };
  }, []);
  return isFetched;
}

function Pages(): ReactNode {
  return (
    <Suspense fallback={<Loading />}>
      <RouterProvider router={router} />
    </Suspense>
  );
}
