import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { TextField } from "../agents/fields";
import { api, body } from "../api/client";
import type { FloorView, LabelsView } from "../api/schema.gen";
import { Dialog } from "../components/dialog";
import { ActionsHead, Card, TableBox } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { Status } from "../components/status";
import { useToasts } from "../components/toasts";
import { When } from "../components/values";
import { type Level, levelText } from "../labels/levels";
import { Raise } from "../labels/raise";
import { useCan } from "../shell/me";

const labelsQuery = queryOptions({ queryKey: ["labels"], queryFn: () => body(api.GET("/v1/labels")) });

/** Of what: a tool by its name, or "" for the whole tenant. */
type Of = string;

/** What people have said by hand: of the tenant's data, and of what tools give back. */
export function Labels(): ReactNode {
  const query = useQuery(labelsQuery);
  const [changing, setChanging] = useState<{ of: Of; level: Level } | null>(null);
  const [naming, setNaming] = useState(false);
  const can = useCan();
  return (
    <Loaded query={query}>
      {(labels) => (
        <>
          <OfTenant floor={labels.tenant} onChange={(level) => setChanging({ of: "", level })} />
          <Card
            title="What tools give back"
            aside={
              can("policies:write") && (
                <button type="button" className="button" onClick={() => setNaming(true)}>
                  Add a tool
                </button>
              )
            }
          >
            <OfTools tools={labels.tools} onChange={(of, level) => setChanging({ of, level })} />
          </Card>
          {naming && (
            <Named
              onClose={() => setNaming(false)}
              onNamed={(of) => {
                setNaming(false);
                setChanging({ of, level: 0 });
              }}
            />
          )}
          {changing && <Change {...changing} onClose={() => setChanging(null)} />}
        </>
      )}
    </Loaded>
  );
}

function OfTenant({ floor, onChange }: { floor: FloorView | null; onChange: (level: Level) => void }): ReactNode {
  const can = useCan();
  return (
    <Card
      title="All of this tenant’s data"
      aside={
        can("policies:write") && (
          <button type="button" className="button" onClick={() => onChange(floor?.sensitivity ?? 0)}>
            Change
          </button>
        )
      }
    >
      <p className="card-body">
        {floor === null ? (
          <span className="muted">
            Counts as its labels say. Confidential data and untrusted text in one run mean that whatever reaches outside
            waits for a person.
          </span>
        ) : (
          <>
            <LevelStatus level={floor.sensitivity} /> at least: {floor.reason}{" "}
            <span className="muted small">
              said by {floor.set_by}, <When at={floor.set_at} />
            </span>
          </>
        )}
      </p>
    </Card>
  );
}

function OfTools({
  tools,
  onChange,
}: {
  tools: LabelsView["tools"];
  onChange: (of: Of, level: Level) => void;
}): ReactNode {
  const can = useCan();
  if (tools.length === 0) {
    return (
      <Empty title="Nothing was said of tools">
        <p>Their results count as their definitions say: a page of the web as public, a plug-in’s as it declares.</p>
      </Empty>
    );
  }
  return (
    <TableBox label="Tools">
      <thead>
        <tr>
          <th>Tool</th>
          <th>At least</th>
          <th className="wide">Why</th>
          <th className="wide">Said by</th>
          <ActionsHead />
        </tr>
      </thead>
      <tbody>
        {tools.map((floor) => (
          <tr key={floor.tool}>
            <td className="mono wrap">{floor.tool}</td>
            <td>
              <LevelStatus level={floor.sensitivity} />
            </td>
            <td className="wide wrap">{floor.reason}</td>
            <td className="wide">
              {floor.set_by}, <When at={floor.set_at} />
            </td>
            <td className="number">
              {can("policies:write") && (
                <button
                  type="button"
                  className="button"
                  aria-label={`Change ${floor.tool}`}
                  onClick={() => onChange(floor.tool, floor.sensitivity)}
                >
                  Change
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function LevelStatus({ level }: { level: Level }): ReactNode {
  return <Status tone={level === 2 ? "bad" : "wait"}>{levelText(level)}</Status>;
}

function Named({ onNamed, onClose }: { onNamed: (name: string) => void; onClose: () => void }): ReactNode {
  const [name, setName] = useState("");
  const isName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(name.trim());
  return (
    <Dialog title="Which tool?" submit="Go on" busy={!isName} onSubmit={() => onNamed(name.trim())} onClose={onClose}>
      <TextField
        label="Name"
        value={name}
        hint="as agents call it: http_get, a plug-in’s, a self-made one’s; it need not exist yet"
        onChange={setName}
      />
    </Dialog>
  );
}

function Change({ of, level, onClose }: { of: Of; level: Level; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { fail, tell } = useToasts();
  const what = of === "" ? "all of this tenant’s data" : `what ${of} gives back`;
  const save = useMutation({
    mutationFn: (change: { sensitivity: Level; reason: string }) =>
      of === ""
        ? body(api.PUT("/v1/labels/tenant", { body: change }))
        : body(api.PUT("/v1/labels/tools/{name}", { params: { path: { name: of } }, body: change })),
    onSuccess: (made, { sensitivity }) => {
      client.setQueryData(labelsQuery.queryKey, made);
      tell(sensitivity === 0 ? "Labels count by themselves again" : `${what} counts as ${levelText(sensitivity)} now`);
      onClose();
    },
    onError: fail,
  });
  return (
    <Raise
      title={`How sensitive is ${what}?`}
      detail="It holds for the next call of every run, those under way included, and never lowers what a label says."
      level={level}
      busy={save.isPending}
      onSave={(change) => save.mutate(change)}
      onClose={onClose}
    />
  );
}
