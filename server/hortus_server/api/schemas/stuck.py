"""Runs that do not get on, as sent and received."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hortus_agents.events import WaitReason
from hortus_server.api.schemas.wire import Body, View
from hortus_server.domain.admission import Priority
from hortus_server.domain.records import RunStatus
from hortus_server.domain.stuck import StuckCause
from hortus_server.services.list_stuck import StuckPage, StuckRun


class StuckReasonView(View):
    """One thing that keeps a run where it is."""

    cause: StuckCause
    detail: str
    ref_id: UUID | None = Field(description="the run that comes first, the order, or what is waited for")
    until: datetime | None = Field(description="when the lease ends")


class LastEventView(View):
    """The last sign of a run."""

    seq: int
    type: str
    at: datetime


class StuckRunView(View):
    """A run without an event for longer than its class allows."""

    run_id: UUID
    session_id: UUID
    agent_id: UUID
    status: RunStatus
    priority: Priority
    generation: int
    worker_id: str | None
    lease_until: datetime | None
    waiting_for: WaitReason | None
    created_at: datetime
    last_event: LastEventView
    silent_s: float
    reasons: tuple[StuckReasonView, ...] = Field(description="never empty, the most decisive first")


class StuckRunsView(View):
    """Oldest first. A page may be short, even empty, and not the last one: go by `next_cursor`."""

    items: tuple[StuckRunView, ...]
    next_cursor: str | None


class RunRequeue(Body):
    """How hard to try."""

    force: bool = Field(default=False, description="take it from a worker that lives, too")


def stuck_page(page: StuckPage) -> StuckRunsView:
    """A page as it is sent."""
    return StuckRunsView(items=tuple(_stuck(one) for one in page.items), next_cursor=page.next_cursor)


def _stuck(one: StuckRun) -> StuckRunView:
    run = one.run
    return StuckRunView(
        run_id=run.id,
        session_id=run.session_id,
        agent_id=run.agent_id,
        status=run.status,
        priority=run.priority,
        generation=run.generation,
        worker_id=run.worker_id,
        lease_until=run.lease_until,
        waiting_for=run.waiting_for,
        created_at=run.created_at,
        last_event=LastEventView(seq=run.last_seq, type=run.last_type, at=run.last_at),
        silent_s=round(run.silent_s, 3),
        reasons=tuple(StuckReasonView.model_validate(reason) for reason in one.reasons),
    )
