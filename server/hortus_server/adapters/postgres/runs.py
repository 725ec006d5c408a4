"""Runs in PostgreSQL: claims, leases, lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_agents.events import (
    Event,
    EventPayload,
    RunBudgetExhausted,
    RunCancelled,
    RunFailed,
    RunSucceeded,
)
from hortus_agents.limits import RunLimits, Spent
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import SEARCHED, decode_id, encode_id, patterns, to_page
from hortus_server.adapters.postgres.rows import SpecCache, expected
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.admission import Priority
from hortus_server.domain.errors import InvalidInputError, NotFoundError, StaleGenerationError
from hortus_server.domain.ids import AgentId, RunId, SessionId, TenantId
from hortus_server.domain.records import AgentVersion, Claim, LeaseSignal, Page, Run, RunStatus, Step
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("runs.sql")


@dataclass(frozen=True, slots=True)
class _Ending:
    """A terminal event as columns; None is folded from the log by the database."""

    status: RunStatus
    output: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    spent: Spent | None = None


class PostgresRuns:
    """See `RunRepository`."""

    def __init__(self, connection: AsyncConnection[Any], specs: SpecCache) -> None:
        self._sql = Executor(connection, _STATEMENTS)
        self._specs = specs

    def add(
        self,
        tenant_id: TenantId,
        *,
        run_id: RunId,
        session_id: SessionId,
        version: AgentVersion,
        limits: RunLimits,
        queued_seq: int | None = None,
        priority: Priority = "interactive",
    ) -> Pending[Run]:
        """See the port. Raises NotFoundError when the tenant has no such session."""
        run = self._sql.one(
            "add_run",
            rows.run,
            id=run_id,
            tenant_id=tenant_id,
            session_id=session_id,
            agent_id=version.agent_id,
            agent_version_id=version.id,
            queued_seq=queued_seq,
            limits=Jsonb(limits.model_dump(mode="json")),
            priority=priority,
        )
        return run.map(expected("session", session_id))

    async def get(self, tenant_id: TenantId, run_id: RunId) -> Run:
        """See the port."""
        run = await self._sql.one("get_run", rows.run, tenant_id=tenant_id, run_id=run_id)
        if run is None:
            raise NotFoundError("run", run_id)
        return run

    async def list(
        self,
        tenant_id: TenantId,
        page: PageRequest,
        *,
        session_id: SessionId | None = None,
        agent_id: AgentId | None = None,
        status: RunStatus | None = None,
        words: str = "",
    ) -> Page[Run]:
        """See the port."""
        wanted: dict[str, Any] = {
            "tenant_id": tenant_id,
            "session_id": session_id,
            "agent_id": agent_id,
            "status": status,
            "before": decode_id(page.cursor),
            "rows": page.limit + 1,
        }
        if words:
            runs = await self._sql.page("search_runs", rows.run, patterns=patterns(words), searched=SEARCHED, **wanted)
        else:
            runs = await self._sql.page("list_runs", rows.run, **wanted)
        return to_page(runs, page.limit, lambda run: encode_id(run.id))

    async def steps(self, tenant_id: TenantId, run_id: RunId) -> tuple[Step, ...]:
        """See the port."""
        # The session's id lets the database open one partition of the log instead of all.
        session_id = (await self.get(tenant_id, run_id)).session_id
        return tuple(
            await self._sql.many("list_steps", Step, tenant_id=tenant_id, run_id=run_id, session_id=session_id)
        )

    def claim(
        self, run_id: RunId, *, worker_id: str, lease: timedelta, only_if_next: bool = False
    ) -> Pending[Claim | None]:
        """See the port."""
        return self._sql.one(
            "claim_run",
            self._specs.claim,
            run_id=run_id,
            worker_id=worker_id,
            lease=lease,
            only_if_next=only_if_next,
        )

    async def renew(
        self, worker_id: str, held: Sequence[tuple[RunId, int]], *, lease: timedelta
    ) -> tuple[LeaseSignal, ...]:
        """See the port. A lease is written only once a third of it is used up; the signals are always fresh."""
        if not held:
            return ()
        return tuple(
            await self._sql.many(
                "renew_leases",
                LeaseSignal,
                worker_id=worker_id,
                run_ids=[run_id for run_id, _ in held],
                generations=[generation for _, generation in held],
                lease=lease,
            )
        )

    async def release(self, tenant_id: TenantId, run_id: RunId, generation: int) -> bool:
        """See the port."""
        return bool(await self._sql.count("release_run", tenant_id=tenant_id, run_id=run_id, generation=generation))

    async def request_cancel(self, tenant_id: TenantId, run_id: RunId, *, reason: str) -> Run:
        """See the port."""
        run = await self._sql.one("request_cancel", rows.run, tenant_id=tenant_id, run_id=run_id, reason=reason)
        return run if run is not None else await self.get(tenant_id, run_id)

    async def finish(self, run_id: RunId, generation: int | None, *, event: Event) -> None:
        """See the port. Raises InvalidInputError for an event that ends no run, or another run."""
        if event.run_id != run_id:
            raise InvalidInputError(f"event {event.seq} does not belong to run {run_id}")
        await self._project(run_id, SessionId(event.session_id), generation, ending=event.payload, finished_at=event.at)

    def finish_logged(self, run: Run, *, ending: EventPayload) -> Pending[None]:
        """See the port."""
        return self._project(run.id, run.session_id, run.generation, ending=ending, finished_at=None)

    def _project(
        self,
        run_id: RunId,
        session_id: SessionId,
        generation: int | None,
        *,
        ending: EventPayload,
        finished_at: datetime | None,
    ) -> Pending[None]:
        columns = _ending(ending)
        touched = self._sql.count(
            "finish_run",
            run_id=run_id,
            session_id=session_id,
            generation=generation,
            type=ending.type,
            status=columns.status,
            output=columns.output,
            error_code=columns.error_code,
            error_message=columns.error_message,
            total_tokens=columns.spent.tokens if columns.spent is not None else None,
            cost_micros=columns.spent.cost_micros if columns.spent is not None else None,
            finished_at=finished_at,
        )

        def ended(rows_touched: int) -> None:
            if not rows_touched:
                raise StaleGenerationError(run_id, generation or 0)

        return touched.map(ended)


def _ending(payload: EventPayload) -> _Ending:
    match payload:
        case RunSucceeded(spent=spent):
            return _Ending("succeeded", spent=spent)
        case RunFailed(code=code, message=message, spent=spent):
            return _Ending("failed", error_code=code, error_message=message, spent=spent)
        case RunCancelled(partial_output=output):
            # Someone's wish, not an error: the reason is in the event.
            return _Ending("cancelled", output=output or None)
        case RunBudgetExhausted(limit=limit, spent=spent, partial_output=output):
            return _Ending(
                "budget_exhausted",
                output=output or None,
                error_code="budget_exhausted",
                error_message=f"the run reached its limit of {limit}",
                spent=spent,
            )
        case _:
            raise InvalidInputError(f"{payload.type} does not end a run")
