"""Say something to a run that has not ended: its next model call sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hortus_agents.events import Event, MessageCreated, NewEvent
from hortus_agents.labels import Label
from hortus_server.domain.errors import ConflictError, RunEndedError
from hortus_server.domain.ids import RunId, SessionId, TenantId, new_id
from hortus_server.domain.records import TERMINAL_STATUSES, Run
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once

MOST = 50
"""Messages to one run; each is in all of its later prompts."""


@dataclass(frozen=True, slots=True)
class Steered:
    """What was said, and its place in the session's log."""

    run_id: RunId
    session_id: SessionId
    message_id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class SteerRun:
    """Append the message under the run's lock, so that the run cannot end in between without having seen it.

    The worker that holds the run finds it in the log when it commits what it does now; nobody has to be told.
    """

    store: Store
    live: LivePublisher

    async def __call__(
        self, tenant_id: TenantId, run_id: RunId, *, content: str, once: Once[Steered], label: Label | None = None
    ) -> Answer:
        """Answer with the message's place. A `label` says that the content is not the caller's own words.

        Raises NotFoundError; RunEndedError when the run has ended or is being stopped; ConflictError when it was
        told `MOST` times already; IdempotencyMismatchError.
        """
        said: list[Event] = []

        async def make(uow: UnitOfWork) -> Steered:
            run = await uow.run_stops.lock(tenant_id, run_id)
            _check_hears(run)
            if not await uow.interjections.count_steer(tenant_id, run_id, at_most=MOST):
                raise ConflictError(f"run {run_id} was told {MOST} messages already, which is the most")
            message = MessageCreated(message_id=new_id(), content=content, steers=True, label=label)
            said.extend(await uow.events.append(tenant_id, run.session_id, [NewEvent(payload=message)], run_id=run_id))
            return Steered(run_id, run.session_id, message.message_id, said[-1].seq)

        answer = await create_once(self.store, tenant_id, once, make)
        if said:
            await self.live.publish_events(tenant_id, SessionId(said[0].session_id), said)
        return answer


def steered_json(steered: Steered) -> Mapping[str, Any]:
    """As it is sent, over HTTP and in band."""
    return {
        "run_id": str(steered.run_id),
        "session_id": str(steered.session_id),
        "message_id": str(steered.message_id),
        "seq": steered.seq,
    }


def _check_hears(run: Run) -> None:
    remedy = f"send a message to session {run.session_id} instead"
    if run.status in TERMINAL_STATUSES:
        raise RunEndedError(f"run {run.id} has ended: {run.status}; {remedy}")
    if run.cancel_requested_at is not None:
        raise RunEndedError(f"run {run.id} is being stopped; {remedy}")
