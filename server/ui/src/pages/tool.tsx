import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useParams, useSearchParams } from "react-router";
import { toolQuery, toolVersionQuery, toolVersionsQuery } from "../api/queries";
import type { ToolVersionDetailView, ToolVersionView, ToolView } from "../api/schema.gen";
import { LoadedPage } from "../components/loaded-page";
import { Card, Page } from "../components/page";
import { Json, Numbered } from "../components/prose";
import { Loaded } from "../components/states";
import { StateBadge } from "../components/status";
import { Copy, Fact, Id, When } from "../components/values";
import { count } from "../text/format";
import { tame, visible } from "../text/visible";
import { DisableTool, VersionActions } from "../tools/actions";
import { NegativeTests, ScanFindings } from "../tools/gates";
import { Lineage } from "../tools/lineage-graph";
import { declared, negativeOf, scanOf } from "../tools/report";
import { TestCases } from "../tools/test-cases";
import { ToolUses } from "../tools/uses";
import { VersionDiff } from "../tools/version-diff";

const LIVE_MS = 5_000; // a check that was asked for takes a worker some seconds

export default function ToolPage(): ReactNode {
  const { id = "" } = useParams();
  const tool = useQuery({ ...toolQuery(id), refetchInterval: LIVE_MS });
  return (
    <LoadedPage query={tool} title="Tool" crumb={{ to: "/tools", text: "Tools" }}>
      {(found) => <Detail tool={found} />}
    </LoadedPage>
  );
}

function Detail({ tool }: { tool: ToolView }): ReactNode {
  const versions = useQuery({ ...toolVersionsQuery(tool.id), refetchInterval: LIVE_MS });
  const [params, setParams] = useSearchParams();
  const asked = Number(params.get("version"));
  return (
    <Page
      title={tool.name}
      heading={<span className="mono">{tool.name}</span>}
      crumb={{ to: "/tools", text: "Tools" }}
      actions={<DisableTool tool={tool} />}
    >
      <p className="muted">{tame(tool.description)}</p>
      <Loaded query={versions}>
        {({ items }) => {
          const shown = items.find((each) => each.version === asked) ?? preferred(tool, items);
          return (
            <>
              <fieldset className="filters" aria-label="Version">
                {items.map((each) => (
                  <button
                    key={each.id}
                    type="button"
                    className="chip"
                    aria-pressed={each === shown}
                    onClick={() => setParams({ version: String(each.version) })}
                  >
                    version {each.version} <StateBadge state={each.state} />
                  </button>
                ))}
              </fieldset>
              {shown && <VersionActions tool={tool} version={shown} />}
              {shown && <Version tool={tool.id} version={shown.version} all={items} />}
              <Lineage tool={tool} versions={items} />
              <ToolUses tool={tool.id} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function preferred(tool: ToolView, versions: readonly ToolVersionView[]): ToolVersionView | undefined {
  return versions.find((each) => each.version === tool.active_version) ?? versions[0];
}

function Version({
  tool,
  version,
  all,
}: {
  tool: string;
  version: number;
  all: readonly ToolVersionView[];
}): ReactNode {
  const query = useQuery({ ...toolVersionQuery(tool, version), refetchInterval: LIVE_MS });
  return (
    <Loaded query={query}>
      {(found) => (
        <>
          <VersionParts version={found} />
          {all.length > 1 && <VersionDiff key={version} tool={tool} version={found} all={all} />}
        </>
      )}
    </Loaded>
  );
}

function VersionParts({ version }: { version: ToolVersionDetailView }): ReactNode {
  return (
    <>
      <Card>
        <dl className="facts card-body">
          <Fact name="State" isWide={version.state_reason !== null && version.state_reason !== ""}>
            <StateBadge state={version.state} />
            {version.state_reason && <span className="small muted"> {version.state_reason}</span>}
          </Fact>
          <Fact name="Declares">{declared(version) || <span className="muted">nothing: a pure function</span>}</Fact>
          <Fact name="Calls">{count(version.uses)}</Fact>
          <Fact name="Failures">{count(version.failures)}</Fact>
          <Fact name={version.origin === "import" ? "Imported" : "Made by run"}>
            {version.origin_run_id ? (
              <>
                <Id id={version.origin_run_id} to={`/runs/${version.origin_run_id}`} what="run id" />
                {version.origin_step ? <span className="small muted"> step {version.origin_step}</span> : null}
              </>
            ) : (
              <span className="muted">{version.origin === "import" ? "from a file" : "deleted, or none"}</span>
            )}
          </Fact>
          <Fact name="Made">
            <When at={version.created_at} />
          </Fact>
          <Fact name="Activated">{version.activated_at ? <When at={version.activated_at} /> : "never"}</Fact>
          <Fact name="Source, SHA-256">
            <Id id={version.source_sha256} what="hash" />
          </Fact>
        </dl>
      </Card>
      <Card title="Source" aside={<Copy text={version.source} what="source" />}>
        <div className="card-body">
          <Numbered source={visible(version.source)} />
        </div>
      </Card>
      <Card title="Static scan">
        <ScanFindings report={scanOf(version)} />
      </Card>
      <Card title="Tests">
        <TestCases version={version} />
      </Card>
      <Card title="Negative tests">
        <NegativeTests report={negativeOf(version)} />
      </Card>
      <div className="halves">
        <Card title="Takes">
          <div className="card-body">
            <Json value={version.parameters} />
          </div>
        </Card>
        <Card title="Returns">
          <div className="card-body">
            <Json value={version.returns} />
          </div>
        </Card>
      </div>
    </>
  );
}
