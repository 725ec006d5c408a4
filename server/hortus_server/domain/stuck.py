"""Runs that have been silent for too long, and what can be seen of why. No clock and no I/O in here."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from hortus_agents.events import WaitReason
from hortus_server.domain.admission import Priority
from hortus_server.domain.ids import AgentId, RunId, SessionId
from hortus_server.domain.records import RunStatus

StuckCause = Literal[
    "earlier_run",
    "stop_order",
    "tenant_limit",
    "no_worker",
    "broker_down",
    "wakeup_lost",
    "workers_busy",
    "worker_gone",
    "model_down",
    "lease_held",
    "waiting",
]

RESENT_S = 30.0  # the reaper sends a wake-up again well within this time
MODEL_EVENTS = frozenset({
    "run.started", "run.resumed", "step.started", "tool.finished", "model.failed",
    # Where calls follow a model's answer, the first of them is told of in the same commit.
    "model.called", "budget.warned", "message.restarted",
})  # fmt: skip
"""After these a run talks to its model next."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run may be without an event. `waiting` is for people and children, `paused` for stops.

    A run that waits for a timer counts from the time that it waits for, and may be as late as a queued one.
    """

    queued: timedelta = timedelta(minutes=1)
    running: timedelta = timedelta(minutes=5)
    waiting: timedelta = timedelta(hours=1)
    paused: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SilentRun:
    """A run with what its row, its session, its tenant and the orders over it tell."""

    id: RunId
    session_id: SessionId
    agent_id: AgentId
    status: RunStatus
    priority: Priority
    generation: int
    worker_id: str | None
    lease_until: datetime | None
    woken_at: datetime
    waiting_for: WaitReason | None
    created_at: datetime
    last_seq: int
    last_type: str
    last_at: datetime
    silent_s: float
    lease_over: bool | None
    woken_s: float
    earlier_run_id: RunId | None
    earlier_status: RunStatus | None
    order_id: UUID | None
    order_kind: str | None
    order_scope: str | None
    order_reason: str | None
    max_concurrent_runs: int | None
    running: int | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is seen outside of the runs: which workers live, and what is down, by component with its detail."""

    workers: Collection[str]
    down: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StuckReason:
    """One thing that keeps a run where it is; `ref_id` names a run, an order or what is waited for."""

    cause: StuckCause
    detail: str
    ref_id: UUID | None = None
    until: datetime | None = None


def explain(run: SilentRun, around: Surroundings) -> tuple[StuckReason, ...]:
    """All that can be seen, the most decisive first; never empty."""
    match run.status:
        case "queued":
            return tuple(_queued(run, around))
        case "running":
            return tuple(_running(run, around))
        case _:
            return (_waiting(run),)


def _queued(run: SilentRun, around: Surroundings) -> Iterator[StuckReason]:
    seen = 0
    for reason in _held_back(run):
        seen += 1
        yield reason
    if not around.workers:
        yield StuckReason("no_worker", "no worker process shows a sign of life; start one with `hortus worker`")
    elif "broker" in around.down:
        yield StuckReason("broker_down", f"wake-ups cannot be sent: {around.down['broker']}")
    elif not seen and run.woken_s > RESENT_S:
        detail = f"no wake-up for {run.woken_s:.0f} s, and none was sent again: is `hortus beat` running?"
        yield StuckReason("wakeup_lost", detail)
    elif not seen:
        yield StuckReason("workers_busy", f"a wake-up was sent {run.woken_s:.0f} s ago; no worker took it yet")


def _held_back(run: SilentRun) -> Iterator[StuckReason]:
    if run.earlier_run_id is not None:
        detail = f"run {run.earlier_run_id} of its session comes first and is {run.earlier_status}"
        yield StuckReason("earlier_run", detail, run.earlier_run_id)
    if run.order_id is not None:
        detail = f"a {run.order_kind} over the {run.order_scope} is in force: {run.order_reason}"
        yield StuckReason("stop_order", detail, run.order_id)
    if run.max_concurrent_runs is not None and (run.running or 0) >= run.max_concurrent_runs:
        yield StuckReason("tenant_limit", f"{run.running} runs of the tenant run, and no more may")


def _running(run: SilentRun, around: Surroundings) -> Iterator[StuckReason]:
    alive = run.worker_id in around.workers
    if run.lease_over or not alive:
        detail = f"worker {run.worker_id} " + ("let its lease run out" if alive else "shows no sign of life")
        yield StuckReason("worker_gone", detail, until=None if run.lease_over else run.lease_until)
        if not around.workers:
            yield StuckReason("no_worker", "no other worker process is there to take the run over")
        return
    if "model" in around.down and run.last_type in MODEL_EVENTS:
        yield StuckReason("model_down", f"the model's endpoint does not answer: {around.down['model']}")
    detail = f"worker {run.worker_id} holds the run and lives; it has been silent since {run.last_type}"
    yield StuckReason("lease_held", detail, until=run.lease_until)


def _waiting(run: SilentRun) -> StuckReason:
    reason = run.waiting_for
    if reason is None:
        return StuckReason("waiting", f"waits since {run.last_at.isoformat()}")
    what = f"waits for: {reason.kind}" + (f" ({reason.detail})" if reason.detail else "")
    cause: StuckCause = "model_down" if reason.kind == "model" else "waiting"
    return StuckReason(cause, f"{what}, since {run.last_at.isoformat()}", reason.ref_id)
