"""What a run did, as a tree, a bounded part at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hortus_agents.events import Event, RunQueued
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import RunId, TenantId, ToolVersionId
from hortus_server.domain.records import Run
from hortus_server.domain.trace import Span, ToolVersionUsed, TraceTree
from hortus_server.ports.budgets import RunSpending
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.build_trace import build_trace

LOOKED_UP = 50  # tool versions whose names are asked for; those that events name need no look


@dataclass(frozen=True, slots=True)
class Trace:
    """One part of a run's tree; `next_after` is where the next part begins, None when this is the last.

    `spending` and the versions of agent and run are those of the whole run; `models` and `tool_versions` of this part.
    `events_removed`: retention took the run's events, whole runs at a time, and so its tree and what it spent.
    """

    run: Run
    agent_version: int | None
    spending: RunSpending
    spans: tuple[Span, ...]
    models: tuple[str, ...]
    tool_versions: tuple[ToolVersionUsed, ...]
    next_after: int | None
    events_removed: bool


async def read_trace(store: Store, tenant_id: TenantId, run_id: RunId, *, after: int, limit: int) -> Trace:
    """The tree of the run's events above `after`, of at most `limit` events, cut between steps where that can be.

    Raises NotFoundError.
    """
    async with store.transaction(tenant_id) as uow:
        run = await uow.runs.get(tenant_id, run_id)
        spending = await uow.budgets.run_spending(run)
        queued = await uow.events.list_after(
            tenant_id, run.session_id, after=run.queued_seq - 1, limit=1, run_id=run_id
        )
        events = await uow.events.list_after(tenant_id, run.session_id, after=after, limit=limit + 1, run_id=run_id)
        part = events if len(events) <= limit else _whole_steps(events[:limit])
        tree = build_trace(part)
        versions = await _versions(uow, tenant_id, tree)
    payload = queued[0].payload if queued else None
    return Trace(
        run=run,
        agent_version=payload.agent_version if isinstance(payload, RunQueued) else None,
        spending=spending,
        spans=tuple(tree.spans),
        models=tuple(tree.models),
        tool_versions=versions,
        next_after=part[-1].seq if len(part) < len(events) else None,
        events_removed=not queued,
    )


def _whole_steps(events: Sequence[Event]) -> Sequence[Event]:
    """Less the last step, which goes on beyond these; all of them where there is no other."""
    last = events[-1].step
    begin = next(place for place, event in enumerate(events) if event.step == last)
    return events[:begin] if begin and last else events


async def _versions(uow: UnitOfWork, tenant_id: TenantId, tree: TraceTree) -> tuple[ToolVersionUsed, ...]:
    found = dict(tree.known)
    unknown = [(version_id, name) for version_id, name in tree.called.items() if version_id not in found]
    for version_id, name in unknown[:LOOKED_UP]:
        used = await _version(uow, tenant_id, version_id, name=name)
        if used is not None:
            found[version_id] = used
    return tuple(found.values())


async def _version(uow: UnitOfWork, tenant_id: TenantId, version_id: UUID, *, name: str) -> ToolVersionUsed | None:
    try:
        version = await uow.tools.get_version(tenant_id, ToolVersionId(version_id))
    except NotFoundError:
        return None
    return ToolVersionUsed(version_id, name, version.version)
