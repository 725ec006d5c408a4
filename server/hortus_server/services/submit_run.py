"""Accept a message and the run that answers it: one transaction, then wake-ups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hortus_agents.events import Event, MessageCreated, NewEvent, RunQueued
from hortus_agents.labels import Label
from hortus_agents.limits import RunLimits
from hortus_server.domain.admission import Priority, QueueDepth
from hortus_server.domain.errors import InvalidInputError, LimitExceededError
from hortus_server.domain.ids import AgentId, RunId, SessionId, TenantId, new_id
from hortus_server.domain.records import Agent, AgentVersion, MessagePolicy, Run, Session
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.pending import Pending
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.create_session import SessionDraft, open_session
from hortus_server.services.make_way import StoppedRun, make_way

RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a caller wants done. Without `session_id` a session is made, and `agent` is needed for it.

    `agent_version` pins a version; None means the one that new runs use. `limits` names only the bounds to lower; what
    it names above the agent's own bound stays at the agent's. `message_policy` says what happens to runs of the session
    that have not ended, None that the session's own holds; a session made for the run keeps it. A
    `label` says that the content is not the caller's own words.
    """

    content: str
    agent: AgentId | str | None = None
    agent_version: int | None = None
    session_id: SessionId | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = "interactive"
    message_policy: MessagePolicy | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class AcceptedRun:
    """A run that a transaction accepts, and what readers are told; both are known once it has committed."""

    run_id: RunId
    row: Pending[Run]
    appended: tuple[Pending[tuple[Event, ...]], ...]
    stopped: tuple[StoppedRun, ...] = ()

    @property
    def run(self) -> Run:
        """The queued run."""
        return self.row.result()

    @property
    def events(self) -> tuple[Event, ...]:
        """What was written to the log."""
        return tuple(event for part in self.appended for event in part.result())


@dataclass(frozen=True, slots=True)
class SubmitRun:
    """Commit session (if new), message, run and their events; then tell readers and workers."""

    store: Store
    queue: WakeupQueue
    live: LivePublisher
    queue_depth: int

    async def __call__(self, tenant_id: TenantId, *, request: RunRequest, once: Once[Run]) -> Answer:
        """Answer with the queued run.

        Raises NotFoundError for an unknown agent or session, InvalidInputError for a session of another agent,
        LimitExceededError when the tenant has as many runs waiting as it may or has used up its budget of the day,
        ConflictError when the session has used up its own, SessionBusyError where the policy is to refuse,
        IdempotencyMismatchError.
        """
        accepted: list[AcceptedRun] = []

        async def make(uow: UnitOfWork) -> AcceptedRun:
            accepted.append(await self.accept(uow, tenant_id, request))
            return accepted[-1]

        answer = await create_once(self.store, tenant_id, once.of(_run), make)
        for item in accepted:
            await self.announce(item)
        return answer

    async def announce(self, accepted: AcceptedRun) -> None:
        """Tell readers and workers, after the commit."""
        for gone in accepted.stopped:
            run = gone.cancelled.run
            await self.live.publish_events(run.tenant_id, run.session_id, gone.undoing)
            await self._cancel_run.announce(gone.cancelled)
        await self.live.publish_events(accepted.run.tenant_id, accepted.run.session_id, accepted.events)
        await self.queue.wake_run(accepted.run.id)

    async def accept(self, uow: UnitOfWork, tenant_id: TenantId, request: RunRequest) -> AcceptedRun:
        """Write session (if new), message and run inside the caller's transaction. Raises as a call does.

        Two trips: what has to be known is asked together, and what is written goes with the next answer or the commit.
        """
        agent, session = _ask_place(uow, tenant_id, request)
        allowance = uow.budgets.allowance(tenant_id, request.session_id)
        _demand_room(await uow.admission.depth(tenant_id, otherwise=self.queue_depth))
        version = await _version(uow, tenant_id, request, agent.result(), None if session is None else session.result())
        limits = allowance.result().lower(_lowered(version.spec.limits, request.limits))
        run_id = RunId(new_id())
        appended: list[Pending[tuple[Event, ...]]] = []
        stopped: tuple[StoppedRun, ...] = ()
        if session is None:
            opened = open_session(uow, tenant_id, agent=agent.result(), draft=_draft(agent.result(), request))
            session_id = opened.id
            appended.append(opened.events)
        else:
            session_id = session.result().id
            policy = request.message_policy or session.result().message_policy
            stopped = await make_way(uow, session.result(), policy, for_run=run_id, cancel=self._cancel_run)
        appended.append(uow.events.append(tenant_id, session_id, _opening(version, limits, request), run_id=run_id))
        row = uow.runs.add(
            tenant_id,
            run_id=run_id,
            session_id=session_id,
            version=version,
            limits=limits,
            priority=request.priority,
        )
        return AcceptedRun(run_id, row, tuple(appended), stopped)

    @property
    def _cancel_run(self) -> CancelRun:
        return CancelRun(self.store, self.queue, self.live)


def _opening(version: AgentVersion, limits: RunLimits, request: RunRequest) -> list[NewEvent]:
    message = MessageCreated(message_id=new_id(), content=request.content, label=request.label)
    return [
        NewEvent(payload=message),
        NewEvent(
            payload=RunQueued(
                agent_id=version.agent_id,
                agent_version_id=version.id,
                agent_version=version.version,
                limits=limits,
            )
        ),
    ]


def _run(accepted: AcceptedRun) -> Run:
    return accepted.run


def _ask_place(
    uow: UnitOfWork, tenant_id: TenantId, request: RunRequest
) -> tuple[Pending[Agent], Pending[Session] | None]:
    if request.session_id is None:
        if request.agent is None:
            raise InvalidInputError("give an agent, or the session to go on with")
        return uow.agents.get(tenant_id, request.agent), None
    session = uow.sessions.get(tenant_id, request.session_id)
    if request.agent is None:
        return uow.agents.of_session(tenant_id, request.session_id), session
    return uow.agents.get(tenant_id, request.agent), session


def _demand_room(depth: QueueDepth) -> None:
    if depth.queued >= depth.most:
        raise LimitExceededError(
            f"{depth.queued} runs are queued already", limit=depth.most, retry_after_s=RETRY_AFTER_S
        )


async def _version(
    uow: UnitOfWork, tenant_id: TenantId, request: RunRequest, agent: Agent, session: Session | None
) -> AgentVersion:
    if session is not None and agent.id != session.agent_id:
        raise InvalidInputError(f"session {session.id} belongs to another agent")
    return await uow.agents.get_version(tenant_id, agent.id, request.agent_version or agent.current_version)


def _draft(agent: Agent, request: RunRequest) -> SessionDraft:
    return SessionDraft(
        agent=agent.id,
        title=request.title or _title(request.content),
        metadata=request.metadata,
        message_policy=request.message_policy or "enqueue",
    )


def _title(content: str) -> str:
    line = content.strip().splitlines()[0] if content.strip() else ""
    return line if len(line) <= 80 else line[:79] + "…"  # noqa: PLR2004 - fits a list row


def _lowered(own: RunLimits, asked: Mapping[str, float]) -> RunLimits:
    return own.lowered_by(RunLimits.model_validate({**own.model_dump(), **asked}))
