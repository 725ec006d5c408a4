import type { ReactNode } from "react";
import { type Scope, useCan } from "../shell/me";
import { Page } from "./page";
import { Empty } from "./states";

/** A page for those who may use it; everybody else is told what it takes, instead of a form that would be refused. */
export function Allowed({ needs, children }: { needs: Scope; children: ReactNode }): ReactNode {
  const can = useCan();
  if (can(needs)) return children;
  return (
    <Page title="Not for you">
      <Forbidden needs={needs} />
    </Page>
  );
}

/** In the place of what a key or role does not cover. */
export function Forbidden({ needs }: { needs: Scope }): ReactNode {
  return (
    <Empty title="Your key or role does not cover this">
      <p>This needs the scope {needs}. Ask an owner of your tenant for a role or key that has it.</p>
    </Empty>
  );
}
