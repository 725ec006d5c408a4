import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body } from "../api/client";
import { invitationsQuery } from "../api/people";
import { Confirm } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { fateOf } from "../people/words";
import { useCan } from "../shell/me";

/** Invitations and links to a new password, and what became of each. */
export function OneTimeLinks(): ReactNode {
  const { data } = useQuery(invitationsQuery);
  const can = useCan();
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const now = Date.now();
  if (!data || data.items.length === 0) return null;
  async function revoke(id: string): Promise<void> {
    try {
      await body(api.DELETE("/v1/admin/invitations/{invitation_id}", { params: { path: { invitation_id: id } } }));
      tell("the link works no more");
      await client.invalidateQueries({ queryKey: ["invitations"] });
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <Card title="One-time links">
      <TableBox label="One-time links">
        <thead>
          <tr>
            <th>For</th>
            <th>State</th>
            <th className="wide">To</th>
            <th className="wide">Made by</th>
            <th className="number wide">Made</th>
            <ActionsHead />
          </tr>
        </thead>
        <tbody>
          {data.items.map((link) => (
            <tr key={link.id}>
              <td className="wrap">{link.email}</td>
              <td>
                <Status tone={fateOf(link, now) === "open" ? "ok" : "quiet"}>{fateOf(link, now)}</Status>
              </td>
              <td className="wide">{link.purpose === "reset" ? "set a new password" : `join as ${link.role}`}</td>
              <td className="wide">{link.made_by}</td>
              <td className="number wide">
                <When at={link.created_at} />
              </td>
              <td className="number">
                {fateOf(link, now) === "open" && can("users:write") && (
                  <Confirm
                    label="Revoke"
                    title={`Revoke the link for ${link.email}?`}
                    detail="Whoever opens it is told to ask for another."
                    onConfirm={() => revoke(link.id)}
                  />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableBox>
    </Card>
  );
}
