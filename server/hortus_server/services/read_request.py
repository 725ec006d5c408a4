"""What a model call was asked: not stored, but built again from the log, and checked against the digest that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hortus_agents.events import Event, RunQueued
from hortus_agents.loop.rebuild import CallFacts, RebuiltRequest, find_call, rebuild_request
from hortus_agents.loop.state import fold_session
from hortus_agents.loop.step import RunScope
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.builtin.definitions import builtin_definitions
from hortus_agents.tools.port import SideEffect, ToolDefinition
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import RunId, TenantId, ToolVersionId
from hortus_server.domain.records import Run, ToolVersion
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.capability_store import to_capability

_BUILTINS: Final = builtin_definitions()


@dataclass(frozen=True, slots=True)
class CallRequest:
    """The rebuilt request of a call, and the digest of the one that was sent."""

    rebuilt: RebuiltRequest
    sent_sha256: str


async def read_request(store: Store, tenant_id: TenantId, run_id: RunId, *, seq: int) -> CallRequest:
    """The request of the agent's own model call that the event `seq` tells of.

    Raises NotFoundError for an unknown run and for any other event, ConflictError where the strategy builds its prompts
    otherwise than from the log alone.
    """
    async with store.transaction(tenant_id) as uow:
        run = await uow.runs.get(tenant_id, run_id)
        events = [event async for event in uow.events.stream_for_fold(tenant_id, run.session_id, run.id)]
        call = find_call(events, run.id, seq)
        queued = next((event.payload for event in events if _queues(event, run)), None)
        if call is None or not isinstance(queued, RunQueued):
            raise NotFoundError("model call", seq)
        version = await uow.agents.get_version(tenant_id, run.agent_id, queued.agent_version)
        if version.spec.strategy != "react":
            raise ConflictError(f"requests of the strategy {version.spec.strategy} are not built again")
        facts = CallFacts(
            scope=RunScope(tenant_id, run.session_id, run.id, run.agent_id),
            spec=version.spec,
            limits=queued.limits,
            definitions={**_BUILTINS, **await _evolved(uow, tenant_id, events, run)},
        )
    return CallRequest(rebuild_request(events, call, facts), call.called.prompt_sha256)


def _queues(event: Event, run: Run) -> bool:
    return event.run_id == run.id and isinstance(event.payload, RunQueued)


async def _evolved(
    uow: UnitOfWork, tenant_id: TenantId, events: Sequence[Event], run: Run
) -> Mapping[str, ToolDefinition]:
    """Facts about the grown tools that the session uses, in use or not by now; what was deleted is left out."""
    found: dict[str, ToolDefinition] = {}
    for bound in fold_session(events, run.id).capabilities:
        try:
            version = await uow.tools.get_version(tenant_id, ToolVersionId(bound.version_id))
        except NotFoundError:
            continue
        found[bound.name] = _definition(bound.name, version)
    return found


def _definition(name: str, version: ToolVersion) -> ToolDefinition:
    capability = to_capability(name, version)
    spec: ToolSpec = capability.spec
    return ToolDefinition(spec, SideEffect.READ, capability.in_doubt, described_by=capability.label)
