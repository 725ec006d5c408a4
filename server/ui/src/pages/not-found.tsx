import type { ReactNode } from "react";
import { Link } from "react-router";
import { Page } from "../components/page";
import { Empty } from "../components/states";

export function NotFound(): ReactNode {
  return (
    <Page title="Not found">
      <Empty title="There is no page here">
        <p>The address may be mistyped, or what it named was deleted.</p>
        <Link className="button" to="/">
          To the overview
        </Link>
      </Empty>
    </Page>
  );
}
