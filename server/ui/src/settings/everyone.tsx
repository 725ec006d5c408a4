import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { api, body } from "../api/client";
import { everyoneQuery, type Person } from "../api/people";
import { meQuery } from "../api/queries";
import { Confirm } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";

/** All users, whatever their tenants; for those who run the installation. */
export function Everyone(): ReactNode {
  const [words, setWords] = useState("");
  const email = useDeferredValue(words.trim());
  const query = useInfiniteQuery(everyoneQuery(email));
  const search = (
    <input
      className="input"
      type="search"
      aria-label="Find by address"
      placeholder="Part of an address"
      maxLength={254}
      value={words}
      onChange={(event) => setWords(event.target.value)}
    />
  );
  return (
    <Card title="Everyone in the installation" aside={search}>
      <Paged
        query={query}
        empty={
          <Empty title={email ? "Nobody has such an address" : "Nobody yet"}>
            <p>{email ? "Part of an address is enough." : "People come by invitation into a tenant."}</p>
          </Empty>
        }
      >
        {(people) => <PersonTable people={people} />}
      </Paged>
    </Card>
  );
}

function PersonTable({ people }: { people: readonly Person[] }): ReactNode {
  const me = useQuery(meQuery).data;
  return (
    <TableBox label="Everyone in the installation">
      <thead>
        <tr>
          <th>Name</th>
          <th>State</th>
          <th className="number wide">Tenants</th>
          <th className="number wide">Keys</th>
          <th className="number wide">Last seen</th>
          <ActionsHead />
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <tr key={person.id}>
            <td className="wrap">
              {person.name}
              {person.id === me?.id && <span className="muted"> (you)</span>}
              <div className="muted small">{person.email}</div>
            </td>
            <td>
              <Status tone={person.disabled_at === null ? "ok" : "quiet"}>
                {person.disabled_at === null ? "active" : "kept out everywhere"}
              </Status>
            </td>
            <td className="number wide">{person.tenants}</td>
            <td className="number wide">{person.keys}</td>
            <td className="number wide">{person.last_seen_at ? <When at={person.last_seen_at} /> : "–"}</td>
            <td className="number">{person.id !== me?.id && <Change person={person} />}</td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function Change({ person }: { person: Person }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const isOut = person.disabled_at !== null;
  async function change(): Promise<void> {
    try {
      const params = { path: { user_id: person.id } };
      await body(api.PATCH("/v1/admin/people/{user_id}", { params, body: { disabled: !isOut } }));
      tell(isOut ? `${person.name} may come in again` : `${person.name} is kept out everywhere`);
      await client.invalidateQueries({
        predicate: (each) => ["everyone", "users", "keys"].includes(`${each.queryKey[0]}`),
      });
    } catch (error) {
      fail(error as Error);
    }
  }
  return (
    <Confirm
      label={isOut ? "Let in again" : "Keep out"}
      title={isOut ? `Let ${person.name} in again?` : `Keep ${person.name} out of the installation?`}
      detail={
        isOut
          ? "In all of its tenants, with the roles there. Keys that were revoked stay so."
          : "In every tenant, at once: logins end, open links work no more, and keys of its making are revoked for good."
      }
      className={isOut ? "button" : "button button-danger"}
      onConfirm={change}
    />
  );
}
