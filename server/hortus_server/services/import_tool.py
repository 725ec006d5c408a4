"""Take a tool from another server: quarantined, then scanned and tested here, then a person's to enable."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid5

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.ids import TenantId, ToolId, ToolVersionId, new_id
from hortus_server.domain.records import Job, Tool, ToolVersion
from hortus_server.domain.tool_bundles import ToolBundle, check_bundle
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


@dataclass(frozen=True, slots=True)
class ImportedTool:
    """A tool and the version that came in."""

    tool: Tool
    version: ToolVersion


@dataclass(frozen=True, slots=True)
class ImportTool:
    """The same bundle again is the same version; a bundle of a known name is that tool's next version."""

    store: Store
    queue: WakeupQueue

    async def __call__(
        self,
        actor: Actor,
        tenant_id: TenantId,
        bundle: ToolBundle,
        *,
        hashes: Mapping[str, str],
        once: Once[ImportedTool],
    ) -> Answer:
        """Raises InvalidInputError where a part is not what its hash says, ConflictError where there is no room."""
        check_bundle(bundle, hashes)
        draft = _quarantined(tenant_id, bundle)
        jobs: list[Job] = []

        async def make(uow: UnitOfWork) -> ImportedTool:
            await demand_room(uow, tenant_id, "imported tools")
            version = await uow.tools.propose(tenant_id, version=draft, name=bundle.name)
            tool = await uow.tools.get(tenant_id, version.tool_id)
            job = await uow.wakeups.add_job(tenant_id, "check_tool", version.id)
            detail = {"name": tool.name, "version": version.version, "sha256": bundle.hashes}
            await uow.audit.append(NewAuditEntry(tenant_id, actor, "tool.imported", f"tool:{tool.id}", detail))
            jobs.append(job)
            return ImportedTool(tool, version)

        answer = await create_once(self.store, tenant_id, once, make)
        for job in jobs:
            await self.queue.wake_job(job.id, job.kind)
        return answer


def _quarantined(tenant_id: TenantId, bundle: ToolBundle) -> ToolVersion:
    """Number and times are the store's to give."""
    hashes = bundle.hashes
    return ToolVersion(
        id=ToolVersionId(uuid5(tenant_id, f"import/{bundle.name}/{hashes['manifest']}/{hashes['source']}")),
        tenant_id=tenant_id,
        tool_id=ToolId(new_id()),
        version=0,
        state="quarantined",
        description=bundle.description,
        parameters=bundle.parameters,
        returns=bundle.returns,
        function=bundle.function,
        source=bundle.source,
        source_sha256=hashes["source"],
        tests=tuple(bundle.tests),
        test_report=None,
        origin_run_id=None,
        origin_call_id=None,
        uses=0,
        failures=0,
        created_at=datetime.now(UTC),
        activated_at=None,
        state_reason="imported; not checked on this server yet",
        permissions=bundle.permissions.model_dump(mode="json"),
        origin="import",
    )
