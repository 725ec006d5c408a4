"""Stops in PostgreSQL: orders over many runs, and the stop and start of one."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_agents.events import WaitReason
from hortus_agents.labels import Label
from hortus_agents.messages import JsonObject
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import AgentId, RunId, TenantId, new_id
from hortus_server.domain.records import LeaseSignal, Run
from hortus_server.domain.stops import OrderKind, Reach, StopOrder
from hortus_server.ports.stops import FIRST_RUN, MarkedRuns

_STATEMENTS = load_statements("stops.sql")


class _Mark(NamedTuple):
    """A run that was asked to end, None where all looked at had ended, and the last run looked at."""

    id: RunId | None
    looked_to: RunId


class PostgresStopOrders:
    """See `StopOrders`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def place(
        self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, reason: str, placed_by: str
    ) -> StopOrder:
        """See the port."""
        order = await self._sql.one(
            "place_order",
            StopOrder,
            id=new_id(),
            kind=kind,
            scope=reach.scope,
            subject_id=reach.subject_id,
            tenant_id=tenant_id,
            reason=reason,
            placed_by=placed_by,
        )
        if order is None:
            raise NotFoundError(reach.scope, reach.subject_id)
        return order

    async def lift(self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, lifted_by: str) -> StopOrder | None:
        """See the port."""
        return await self._sql.one(
            "lift_order", StopOrder, tenant_id=tenant_id, subject_id=reach.subject_id, kind=kind, lifted_by=lifted_by
        )

    async def in_force(self, subjects: Sequence[UUID]) -> tuple[StopOrder, ...]:
        """See the port."""
        return tuple(await self._sql.many("orders_in_force", StopOrder, subjects=list(subjects)))

    async def over_tenant(self, tenant_id: TenantId, *, limit: int) -> tuple[StopOrder, ...]:
        """See the port."""
        return tuple(await self._sql.many("orders_over_tenant", StopOrder, tenant_id=tenant_id, rows=limit))

    async def lifted(self, tenant_id: TenantId, *, limit: int) -> tuple[StopOrder, ...]:
        """See the port."""
        return tuple(await self._sql.many("orders_lifted", StopOrder, tenant_id=tenant_id, rows=limit))

    async def parked_under(self, tenant_id: TenantId, order_id: UUID, *, limit: int) -> tuple[RunId, ...]:
        """See the port."""
        found = await self._sql.many("parked_under", _run_id, tenant_id=tenant_id, order_id=order_id, rows=limit)
        return tuple(found)


class PostgresRunStops:
    """See `RunStops`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def lock(self, tenant_id: TenantId, run_id: RunId) -> Run:
        """See the port."""
        run = await self._sql.one("lock_run", rows.run, tenant_id=tenant_id, run_id=run_id)
        if run is None:
            raise NotFoundError("run", run_id)
        return run

    async def request_pause(self, tenant_id: TenantId, run_id: RunId, *, reason: str) -> None:
        """See the port."""
        await self._sql.count("request_pause", tenant_id=tenant_id, run_id=run_id, reason=reason)

    async def drop_pause(self, tenant_id: TenantId, run_id: RunId) -> None:
        """See the port."""
        await self._sql.count("drop_pause", tenant_id=tenant_id, run_id=run_id)

    async def park(self, tenant_id: TenantId, run_id: RunId, generation: int | None, *, reason: WaitReason) -> bool:
        """See the port."""
        parked = await self._sql.count(
            "park_run",
            tenant_id=tenant_id,
            run_id=run_id,
            generation=generation,
            waiting_for=Jsonb(reason.model_dump(mode="json")),
            by_stop=reason.kind in {"paused", "frozen"},
        )
        return bool(parked)

    async def wake(self, tenant_id: TenantId, run_id: RunId) -> bool:
        """See the port."""
        return bool(await self._sql.count("wake_waiting", tenant_id=tenant_id, run_id=run_id))

    async def request_cancel_all(
        self, tenant_id: TenantId, *, agent_id: AgentId | None, reason: str, after: RunId = FIRST_RUN, limit: int = 500
    ) -> MarkedRuns:
        """See the port."""
        marks = await self._sql.many(
            "request_cancel_all",
            _Mark,
            tenant_id=tenant_id,
            agent_id=agent_id,
            reason=reason,
            after=after,
            rows=limit,
        )
        looked_to = marks[0].looked_to if marks else None
        return MarkedRuns(tuple(mark.id for mark in marks if mark.id is not None), looked_to)

    async def signal(self, run_id: RunId, generation: int, *, worker_id: str) -> LeaseSignal:
        """See the port."""
        signal = await self._sql.one(
            "stop_signal", LeaseSignal, run_id=run_id, generation=generation, worker_id=worker_id
        )
        if signal is None:
            raise NotFoundError("run", run_id)
        return signal

    async def partial_output(self, run: Run) -> tuple[str, Label | None]:
        """See the port."""
        found = await self._sql.one("partial_output", _partial, session_id=run.session_id, run_id=run.id)
        return found or ("", None)


def _run_id(*, id: RunId) -> RunId:  # noqa: A002 - a column's name
    return id


def _partial(*, text: str, label: JsonObject | None) -> tuple[str, Label | None]:
    return text, None if label is None else Label.model_validate(label)
