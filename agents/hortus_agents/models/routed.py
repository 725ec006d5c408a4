"""One model behind several endpoints: each session keeps to one of them, and moves when that one is down or full."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from hortus_agents.errors import ModelError, ModelRejectedError, ModelTimeoutError, ModelUnavailableError
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.models.backend import Backend
from hortus_agents.models.circuit import Ticket
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.spec import ToolMode

_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Replica:
    """A model at one address."""

    backend: Backend
    model: OpenAIChatModel


def by_affinity(replicas: Sequence[Replica], key: str) -> tuple[Replica, ...]:
    """The replicas in the order in which `key` prefers them, the same in every process.

    Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998): when an
    address goes, only its own keys move; when it comes back, they do too.
    """

    def score(replica: Replica) -> bytes:
        return hashlib.blake2b(f"{key}\n{replica.backend.url}".encode(), digest_size=8).digest()

    return tuple(sorted(replicas, key=score, reverse=True))


class RoutedModel:
    """Implements ChatModel for the requests of one session, which `affinity` names; holds no state of its own.

    A request goes to the session's first endpoint whose circuit lets it pass and which has a slot, else waits for a
    slot of the first that is up. Where an endpoint fails before its first piece of text the next one is asked; behind
    text that was given out the error is raised, since only the caller knows what of it can be kept.
    """

    def __init__(self, name: str, tool_mode: ToolMode, replicas: Sequence[Replica], *, affinity: str) -> None:
        self._name = name
        self._tool_mode = tool_mode
        self._replicas = by_affinity(replicas, affinity)

    @property
    def name(self) -> str:
        """The name that agents know; each endpoint may have its own."""
        return self._name

    @property
    def tool_mode(self) -> ToolMode:
        """See ChatModel."""
        return self._tool_mode

    async def can_continue(self) -> bool:
        """Whether some endpoint that is up can."""
        return bool(await self._able())

    async def _able(self) -> tuple[Replica, ...]:
        found: Sequence[Replica] = [each for each in self._replicas if each.backend.circuit.state == "closed"]
        if not found:  # the one that broke off just now is the last to be probed
            found = sorted(self._replicas, key=lambda each: each.backend.circuit.probe_at)
        return tuple([each for each in found if await each.model.can_continue()])

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        """See ChatModel.

        Raises:
            ModelUnavailableError: no endpoint is up, with the seconds until one may be asked; or all are full.
            ModelError: the last endpoint's own.
        """
        left = list(await self._able() if request.continue_text else self._replicas)
        if not left:
            raise ModelRejectedError(f"no endpoint of {self._name} goes on with a begun answer", status=_CONFLICT)
        failure: ModelError | None = None
        while True:
            replica, ticket = await self._enter(left, failure)
            given_out = False
            try:
                async with aclosing(self._ask(replica, ticket, request)) as parts:
                    async for part in parts:
                        given_out = True
                        yield part
            except ModelError as error:
                if given_out or not isinstance(error, ModelUnavailableError | ModelTimeoutError):
                    raise
                failure = error
                left.remove(replica)
            else:
                return

    async def _enter(self, left: Sequence[Replica], failure: ModelError | None) -> tuple[Replica, Ticket]:
        """A replica with a slot taken and leave of its circuit."""
        for replica in left:
            ticket = _try_enter(replica.backend)
            if ticket is not None:
                return replica, ticket
        up = [each for each in left if each.backend.retry_in_s() == 0]
        if not up:
            raise failure or self._none_is_up(left)
        replica = up[0]
        await replica.backend.slots.take(within_s=replica.backend.bounds.queue_s)
        ticket = replica.backend.circuit.enter()
        if ticket is None:  # it went down while this request waited
            replica.backend.slots.give_back()
            raise failure or self._none_is_up(left)
        return replica, ticket

    def _none_is_up(self, left: Sequence[Replica]) -> ModelUnavailableError:
        first = min(left, key=lambda each: each.backend.retry_in_s())
        told = "; ".join(_told(each.backend) for each in left)
        return ModelUnavailableError(
            f"no endpoint of {self._name} takes requests: {told}", retry_after_s=first.backend.retry_in_s()
        )

    @staticmethod
    async def _ask(
        replica: Replica, ticket: Ticket, request: ChatRequest
    ) -> AsyncGenerator[TextDelta | ChatResult, None]:
        backend, model = replica.backend, replica.model
        begun = judged = False
        try:
            own = request if request.model == model.name else request.model_copy(update={"model": model.name})
            async with aclosing(model.stream(own)) as parts:
                async for part in parts:
                    if not begun:
                        backend.note_begun(ticket)
                        begun = True
                    if isinstance(part, ChatResult):
                        backend.note_answer(ticket)
                        judged = True
                    yield part
        except ModelError as error:
            backend.note_error(ticket, error)
            judged = True
            raise
        finally:
            if not judged:
                backend.circuit.abandon(ticket)
            if begun:
                backend.note_over()
            backend.slots.give_back()


def _try_enter(backend: Backend) -> Ticket | None:
    if backend.overloaded_for_s() or not backend.slots.try_take():
        return None
    ticket = backend.circuit.enter()
    if ticket is None:
        backend.slots.give_back()
    return ticket


def _told(backend: Backend) -> str:
    if backend.overloaded_for_s():
        return f"{backend.shown_url} asked for no more requests"
    circuit = backend.circuit
    return f"{backend.shown_url} is down since {circuit.since:%Y-%m-%d %H:%M:%S} UTC ({circuit.last_error})"
