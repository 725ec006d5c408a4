import { QueryCache, QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { ApiError } from "./api/problem";
import { meQuery } from "./api/queries";
import { Failure, Loading } from "./components/states";
import { ToastProvider } from "./components/toasts";
import { NotFound } from "./pages/not-found";
import { Overview } from "./pages/overview";
import { SignIn } from "./pages/sign-in";
import { Shell } from "./shell/shell";

const Runs = lazy(() => import("./pages/runs"));
const Run = lazy(() => import("./pages/run"));
const Trace = lazy(() => import("./pages/trace"));
const Sessions = lazy(() => import("./pages/sessions"));
const Session = lazy(() => import("./pages/session"));
const Agents = lazy(() => import("./pages/agents"));
const NewAgent = lazy(() => import("./pages/agent-new"));
const AgentPage = lazy(() => import("./pages/agent"));
const EditAgent = lazy(() => import("./pages/agent-edit"));
const Tools = lazy(() => import("./pages/tools"));
const ToolPage = lazy(() => import("./pages/tool"));
const Memories = lazy(() => import("./pages/memories"));
const MemoryPage = lazy(() => import("./pages/memory"));
const Approvals = lazy(() => import("./pages/approvals"));
const Policies = lazy(() => import("./pages/policies"));
const PolicyPage = lazy(() => import("./pages/policy"));
const EditPolicy = lazy(() => import("./pages/policy-edit"));
const Schedules = lazy(() => import("./pages/schedules"));
const SchedulePage = lazy(() => import("./pages/schedule"));
const EditSchedule = lazy(() => import("./pages/schedule-edit"));
const Webhooks = lazy(() => import("./pages/webhooks"));
const WebhookPage = lazy(() => import("./pages/webhook"));
const EditWebhook = lazy(() => import("./pages/webhook-edit"));
const Join = lazy(() => import("./pages/join"));
const Settings = lazy(() => import("./pages/settings"));

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
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
      staleTime: 1_000,
    },
  },
});

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
  const me = useQuery(meQuery);
  if (me.error instanceof ApiError && me.error.status === 401) return <SignIn />;
  if (me.data) return <Pages />;
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  return <Loading what="Loading Hortus" />;
}

function Pages(): ReactNode {
  return (
    <BrowserRouter>
      <Suspense fallback={<Loading />}>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<Overview />} />
            <Route path="runs" element={<Runs />} />
            <Route path="runs/:id" element={<Run />} />
            <Route path="runs/:id/trace" element={<Trace />} />
            <Route path="sessions" element={<Sessions />} />
            <Route path="sessions/:id" element={<Session />} />
            <Route path="agents" element={<Agents />} />
            <Route path="agents/new" element={<NewAgent />} />
            <Route path="agents/:id" element={<AgentPage />} />
            <Route path="agents/:id/edit" element={<EditAgent />} />
            <Route path="tools" element={<Tools />} />
            <Route path="tools/:id" element={<ToolPage />} />
            <Route path="memory" element={<Memories />} />
            <Route path="memory/:id" element={<MemoryPage />} />
            <Route path="approvals" element={<Approvals />} />
            <Route path="policies" element={<Policies />} />
            <Route path="policies/new" element={<EditPolicy />} />
            <Route path="policies/:id" element={<PolicyPage />} />
            <Route path="policies/:id/edit" element={<EditPolicy />} />
            <Route path="schedules" element={<Schedules />} />
            <Route path="schedules/new" element={<EditSchedule />} />
            <Route path="schedules/:id" element={<SchedulePage />} />
            <Route path="schedules/:id/edit" element={<EditSchedule />} />
            <Route path="webhooks" element={<Webhooks />} />
            <Route path="webhooks/new" element={<EditWebhook />} />
            <Route path="webhooks/:id" element={<WebhookPage />} />
            <Route path="webhooks/:id/edit" element={<EditWebhook />} />
            <Route path="settings" element={<Settings />} />
            <Route path="*" element={<NotFound />} />
          </Route>
        </Routes>
      </Suspense>
    </BrowserRouter>
  );
}
