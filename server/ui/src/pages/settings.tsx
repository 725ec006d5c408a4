import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { Page } from "../components/page";
import { Empty } from "../components/states";
import { Budget } from "../settings/budget";
import { Keys } from "../settings/keys";
import { Limits } from "../settings/limits";
import { Models } from "../settings/models";
import { Stops } from "../settings/stops";
import { WhoAmI } from "../settings/who-am-i";
import { Workers } from "../settings/workers";
import { useCan } from "../shell/me";

const TABS = [
  { name: "keys", text: "API keys" },
  { name: "stops", text: "Stops" },
  { name: "budget", text: "Budget" },
  { name: "limits", text: "Limits" },
  { name: "workers", text: "Workers" },
  { name: "models", text: "Models" },
  { name: "me", text: "Who am I" },
] as const;
const ADMINS = new Set(["keys", "budget", "limits", "workers"]);

export default function Settings(): ReactNode {
  const [params] = useSearchParams();
  const tab = TABS.find((each) => each.name === params.get("tab"))?.name ?? "keys";
  return (
    <Page title="Settings">
      <nav className="filters" aria-label="Settings">
        {TABS.map((each) => (
          <Link
            key={each.name}
            className="chip"
            to={`/settings?tab=${each.name}`}
            aria-current={each.name === tab ? "true" : undefined}
          >
            {each.text}
          </Link>
        ))}
      </nav>
      <Tab name={tab} />
    </Page>
  );
}

function Tab({ name }: { name: (typeof TABS)[number]["name"] }): ReactNode {
  const can = useCan();
  if (ADMINS.has(name) && !can("admin")) {
    return (
      <Empty title="Your key does not cover this">
        <p>This needs a key with the scope admin. Sign in with one, or ask who issued yours.</p>
      </Empty>
    );
  }
  switch (name) {
    case "keys":
      return <Keys />;
    case "stops":
      return <Stops />;
    case "budget":
      return <Budget />;
    case "limits":
      return <Limits />;
    case "workers":
      return <Workers />;
    case "models":
      return <Models />;
    case "me":
      return <WhoAmI />;
  }
}
