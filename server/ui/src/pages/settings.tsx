import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { meQuery } from "../api/queries";
import { Forbidden } from "../components/allowed";
import { Page } from "../components/page";
import { Audit } from "../settings/audit";
import { Budget } from "../settings/budget";
import { Everyone } from "../settings/everyone";
import { Keys } from "../settings/keys";
import { Labels } from "../settings/labels";
import { Limits } from "../settings/limits";
import { Models } from "../settings/models";
import { Secrets } from "../settings/secrets";
import { Stops } from "../settings/stops";
import { Tenants } from "../settings/tenants";
import { Users } from "../settings/users";
import { WhoAmI } from "../settings/who-am-i";
import { Workers } from "../settings/workers";
import { type Scope, useCan } from "../shell/me";

const TABS = [
  { name: "users", text: "Users" },
  { name: "keys", text: "API keys" },
  { name: "tenants", text: "Tenants" },
  { name: "stops", text: "Stops" },
  { name: "budget", text: "Budget" },
  { name: "limits", text: "Limits" },
  { name: "labels", text: "Sensitivity" },
  { name: "secrets", text: "Secrets" },
  { name: "audit", text: "Audit log" },
  { name: "workers", text: "Workers" },
  { name: "models", text: "Models" },
  { name: "me", text: "Who am I" },
] as const;
type TabName = (typeof TABS)[number]["name"];

/** Without the scope a tab says so; what anybody may see is not named here. */
const NEEDS: Partial<Record<TabName, Scope>> = {
  users: "users:read",
  keys: "users:read",
  tenants: "admin",
  stops: "runs:read",
  budget: "admin",
  limits: "admin",
  labels: "policies:read",
  secrets: "secrets:read",
  audit: "audit:read",
  workers: "admin",
  models: "agents:read",
};

export default function Settings(): ReactNode {
  const [params] = useSearchParams();
  const can = useCan();
  const operates = useQuery(meQuery).data?.operates ?? false;
  const shown = TABS.filter((each) => each.name !== "tenants" || (operates && can("admin")));
  const first = can("users:read") ? "users" : "me";
  const tab =
    shown.find((each) => each.name === (params.get("tab") ?? first)) ?? shown.find((each) => each.name === first);
  return (
    <Page title={tab ? `${tab.text}, settings` : "Settings"} heading="Settings">
      <nav className="filters" aria-label="Settings">
        {shown.map((each) => (
          <Link
            key={each.name}
            className="chip"
            to={`/settings?tab=${each.name}`}
            aria-current={each === tab ? "true" : undefined}
          >
            {each.text}
          </Link>
        ))}
      </nav>
      {tab && <Tab name={tab.name} />}
    </Page>
  );
}

function Tab({ name }: { name: TabName }): ReactNode {
  const can = useCan();
  const needs = NEEDS[name];
  if (needs !== undefined && !can(needs)) {
    return <Forbidden needs={needs} />;
  }
  switch (name) {
    case "users":
      return <Users />;
    case "tenants":
      return (
        <>
          <Tenants />
          <Everyone />
        </>
      );
    case "keys":
      return <Keys />;
    case "stops":
      return <Stops />;
    case "budget":
      return <Budget />;
    case "limits":
      return <Limits />;
    case "labels":
      return <Labels />;
    case "secrets":
      return <Secrets />;
    case "audit":
      return <Audit />;
    case "workers":
      return <Workers />;
    case "models":
      return <Models />;
    case "me":
      return <WhoAmI />;
  }
}
