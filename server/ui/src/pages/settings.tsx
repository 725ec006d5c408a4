import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { Page } from "../components/page";
import { Empty } from "../components/states";
import { Keys } from "../settings/keys";
import { Models } from "../settings/models";
import { WhoAmI } from "../settings/who-am-i";
import { Workers } from "../settings/workers";
import { useCan } from "../shell/me";

const TABS = [
  { name: "keys", text: "API keys" },
  { name: "workers", text: "Workers" },
  { name: "models", text: "Models" },
  { name: "me", text: "Who am I" },
] as const;

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
  if ((name === "keys" || name === "workers") && !can("admin")) {
    return (
      <Empty title="Your key does not cover this">
        <p>Keys and workers need a key with the scope admin.</p>
      </Empty>
    );
  }
  switch (name) {
    case "keys":
      return <Keys />;
    case "workers":
      return <Workers />;
    case "models":
      return <Models />;
    case "me":
      return <WhoAmI />;
  }
}
