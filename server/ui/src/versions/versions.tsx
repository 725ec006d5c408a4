import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Paged } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import type { Scope } from "../shell/me";
import { useCan } from "../shell/me";
import { numberIn } from "../text/params";

interface Version {
  readonly id: string;
  readonly version: number;
  readonly created_at: string;
}

export interface Column<V> {
  readonly name: string;
  readonly className: string;
  readonly cell: (version: V) => ReactNode;
}

/** What versions of agents and of policies have in common; the rest is what each says of its own. */
export interface VersionLines<V extends Version> {
  readonly query: UseInfiniteQueryResult<{ readonly pages: readonly { readonly items: readonly V[] }[] }>;
  /** The version that counts, and what it is called. */
  readonly current: number;
  readonly mark: string;
  readonly columns: readonly Column<V>[];
  /** Shown after the time at which a version was made. */
  readonly by?: (version: V) => ReactNode;
  readonly needs: Scope;
  readonly pinWords: (version: number) => string;
  readonly pin: (version: number) => Promise<string>;
  readonly diff: (before: number, after: number) => ReactNode;
}

/** Every version, two of them compared, and back to any of them; what is compared lives in the address. */
export function Versions<V extends Version>(lines: VersionLines<V>): ReactNode {
  const [params, setParams] = useSearchParams();
  const before = numberIn(params, "before");
  const after = numberIn(params, "after");
  function compare(one: number, other: number): void {
    const next = new URLSearchParams(params);
    next.set("before", String(one));
    next.set("after", String(other));
    setParams(next, { preventScrollReset: true });
  }
  return (
    <Card title="Versions">
      <Paged query={lines.query} empty={<Empty title="No version" />}>
        {(versions) => <Table lines={lines} versions={versions} onCompare={compare} />}
      </Paged>
      {before !== null && after !== null && (
        <section className="card-body stack" aria-label={`Changes from version ${before} to ${after}`}>
          <h3>
            From version {before} to {after}
          </h3>
          {lines.diff(before, after)}
        </section>
      )}
    </Card>
  );
}

function Table<V extends Version>({
  lines,
  versions,
  onCompare,
}: {
  lines: VersionLines<V>;
  versions: readonly V[];
  onCompare: (before: number, after: number) => void;
}): ReactNode {
  return (
    <TableBox label="Versions">
      <thead>
        <tr>
          <th>Version</th>
          <th>Made</th>
          {lines.columns.map((column) => (
            <th key={column.name} className={column.className}>
              {column.name}
            </th>
          ))}
          <ActionsHead />
        </tr>
      </thead>
      <tbody>
        {versions.map((each) => (
          <tr key={each.id}>
            <td>
              <span className="row">
                {each.version}
                {each.version === lines.current && <Status tone="ok">{lines.mark}</Status>}
              </span>
            </td>
            <td>
              <When at={each.created_at} /> {lines.by && <span className="muted small">{lines.by(each)}</span>}
            </td>
            {lines.columns.map((column) => (
              <td key={column.name} className={column.className}>
                {column.cell(each)}
              </td>
            ))}
            <td className="number">
              <Acts lines={lines} version={each.version} onCompare={onCompare} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function Acts<V extends Version>({
  lines,
  version,
  onCompare,
}: {
  lines: VersionLines<V>;
  version: number;
  onCompare: (before: number, after: number) => void;
}): ReactNode {
  const can = useCan();
  const { fail, tell } = useToasts();
  const pin = useMutation({ mutationFn: () => lines.pin(version), onSuccess: tell, onError: fail });
  const isCurrent = version === lines.current;
  return (
    <span className="row row-end">
      {version > 1 && (
        <button type="button" className="button" onClick={() => onCompare(version - 1, version)}>
          Diff to {version - 1}
        </button>
      )}
      {!isCurrent && version - 1 !== lines.current && (
        <button type="button" className="button" onClick={() => onCompare(lines.current, version)}>
          Diff to {lines.current} {lines.mark}
        </button>
      )}
      {can(lines.needs) && !isCurrent && (
        <button type="button" className="button" disabled={pin.isPending} onClick={() => pin.mutate()}>
          {lines.pinWords(version)}
        </button>
      )}
    </span>
  );
}
