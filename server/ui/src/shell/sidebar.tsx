import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, NavLink } from "react-router";
import { waitingQuery } from "../api/approvals";
import { api } from "../api/client";
import { meQuery, readinessQuery } from "../api/queries";
import { Icon, type IconName, Leaf } from "../components/icons";
import { useLeave } from "../components/leaving";
import { StateBadge } from "../components/status";
import { useToasts } from "../components/toasts";
import { TenantSwitch } from "../people/tenant-switch";
import { useCan } from "./me";
import { type Theme, useTheme } from "./theme";

export const PLACES: readonly { readonly to: string; readonly text: string; readonly icon: IconName }[] = [
  { to: "/", text: "Overview", icon: "overview" },
  { to: "/runs", text: "Runs", icon: "runs" },
  { to: "/sessions", text: "Sessions", icon: "sessions" },
  { to: "/approvals", text: "Approvals", icon: "approvals" },
  { to: "/agents", text: "Agents", icon: "agents" },
  { to: "/tools", text: "Tools", icon: "tools" },
  { to: "/memory", text: "Memory", icon: "memory" },
  { to: "/policies", text: "Policies", icon: "policies" },
  { to: "/schedules", text: "Schedules", icon: "schedules" },
  { to: "/webhooks", text: "Webhooks", icon: "webhooks" },
  { to: "/settings", text: "Settings", icon: "settings" },
];

export function Sidebar({
  open,
  onNavigate,
  onPalette,
}: {
  open: boolean;
  onNavigate: () => void;
  onPalette: () => void;
}): ReactNode {
  return (
    <div className="sidebar" data-open={open} id="sidebar">
      <Link to="/" className="brand" onClick={onNavigate}>
        <Leaf />
        Hortus
      </Link>
      <button type="button" className="palette-button" onClick={onPalette}>
        <span>Jump to…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <nav aria-label="Pages">
        <ul className="nav">
          {PLACES.map((place) => (
            <li key={place.to}>
              <NavLink to={place.to} end={place.to === "/"} onClick={onNavigate}>
                <Icon name={place.icon} />
                {place.text}
                {place.to === "/approvals" && <WaitingCount />}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <Foot />
    </div>
  );
}

/** How many people are waited for, on every page. */
function WaitingCount(): ReactNode {
  const can = useCan();
  const { data } = useQuery({ ...waitingQuery, enabled: can("approvals:read") });
  if (!data || data.count === 0) return null;
  return (
    <span className="nav-count">
      {data.count}
      {data.isMore && "+"}
      <span className="visually-hidden"> waiting</span>
    </span>
  );
}

function Foot(): ReactNode {
  const me = useQuery(meQuery).data;
  const readiness = useQuery(readinessQuery);
  const client = useQueryClient();
  const { fail } = useToasts();
  const leave = useLeave();
  const signOut = useMutation({
    mutationFn: () => api.POST("/v1/auth/logout"),
    onSuccess: () => client.resetQueries(),
    onError: fail,
  });
  return (
    <div className="sidebar-foot">
      <TenantSwitch />
      <Link to="/" className="row" title="Health of the components">
        <StateBadge state={readiness.error ? "unavailable" : (readiness.data?.state ?? "checking")} />
      </Link>
      <ThemeChoice />
      <div className="row">
        <span className="grow muted" title={me?.role ?? me?.scopes.join(", ")}>
          {me?.name}
        </span>
        <button type="button" className="button button-plain button-left" onClick={() => leave(() => signOut.mutate())}>
          Sign out
        </button>
      </div>
    </div>
  );
}

const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const ICONS: Record<Theme, IconName> = { auto: "auto", light: "sun", dark: "moon" };

function ThemeChoice(): ReactNode {
  const [theme, setTheme] = useTheme();
  return (
    <button type="button" className="button button-plain button-left" onClick={() => setTheme(NEXT[theme])}>
      <Icon name={ICONS[theme]} />
      <span className="grow">Theme: {theme === "auto" ? "as the system" : theme}</span>
    </button>
  );
}
