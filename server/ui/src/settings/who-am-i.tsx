import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { meQuery } from "../api/queries";
import { Card } from "../components/page";
import { Loaded } from "../components/states";
import { Fact, Id } from "../components/values";

export function WhoAmI(): ReactNode {
  const query = useQuery(meQuery);
  return (
    <Card title="Signed in">
      <Loaded query={query}>
        {(me) => (
          <dl className="facts card-body">
            <Fact name="With the key">{me.key_name}</Fact>
            <Fact name="Key id">
              <Id id={me.key_id} what="key id" />
            </Fact>
            <Fact name="Tenant">
              <Id id={me.tenant_id} what="tenant id" />
            </Fact>
            <Fact name="May">{me.scopes.join(", ")}</Fact>
            <Fact name="Login">{me.via === "cookie" ? "twelve hours from signing in" : "by key"}</Fact>
          </dl>
        )}
      </Loaded>
    </Card>
  );
}
