import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { modelsQuery } from "../api/queries";
import { Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { Copy } from "../components/values";
import { useCan } from "../shell/me";
import { count } from "../text/format";
import { Endpoints } from "./endpoints";

export function Models(): ReactNode {
  const can = useCan();
  return (
    <>
      <Catalogue />
      {can("admin") && <Endpoints />}
    </>
  );
}

function Catalogue(): ReactNode {
  const query = useQuery(modelsQuery);
  return (
    <Card title="Models that agents may name">
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="The endpoint serves no model" />
          ) : (
            <TableBox label="Models">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Calls tools</th>
                  <th className="number">Context, tokens</th>
                </tr>
              </thead>
              <tbody>
                {items.map((model) => (
                  <tr key={model.name}>
                    <td>
                      <span className="row">
                        <span className="mono">{model.name}</span>
                        <Copy text={model.name} what="model name" />
                        {model.is_default && <Status tone="ok">default</Status>}
                      </span>
                    </td>
                    <td>{model.tool_mode}</td>
                    <td className="number">
                      {model.context_tokens === null ? "not told" : count(model.context_tokens)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </TableBox>
          )
        }
      </Loaded>
    </Card>
  );
}
