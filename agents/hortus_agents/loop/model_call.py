"""One model call: streamed, retried, bounded by the run's clock."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast
from uuid import UUID

import orjson

from hortus_agents.errors import ModelError, ModelProtocolError, ModelRejectedError
from hortus_agents.events import MessageRestarted, ModelFailed, RunFailed, RunWaiting, WaitReason
from hortus_agents.limits import LimitName
from hortus_agents.loop.continuing import continuable
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.meter import StreamMeter
from hortus_agents.loop.retry import Again, decide_retry, outage
from hortus_agents.loop.step import Delta, Draft, Emission, StepDeps
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.models.partial_json import PropertyReader

MESSAGE_LIMIT = 2_000  # characters of an error's text in an event
_DETAIL = 500  # characters of a reason in lists


class _WallTimeError(Exception):
    """The run's wall limit passed while the model was writing."""


class _BudgetError(Exception):
    """The run's tokens or money ran out while the model was writing."""

    def __init__(self, limit: LimitName) -> None:
        super().__init__(limit)
        self.limit: LimitName = limit


class ModelCall:
    """Runs one request to its result.

    With a `draft` the first attempt goes on behind it, so that readers see no repeat; later ones go on behind what an
    attempt has written before its endpoint was lost. After `run` is exhausted either `result` is set, or the run's end
    was noted in the journal, or that it waits for its model.
    """

    def __init__(
        self,
        request: ChatRequest,
        journal: Journal,
        deps: StepDeps,
        *,
        message_id: UUID,
        step: int,
        draft: Draft | None = None,
    ) -> None:
        self.result: ChatResult | None = None
        self._request = request
        self._journal = journal
        self._deps = deps
        self._message_id = message_id
        self._step = step
        self._draft = draft
        self._written = ""
        self._raw = ""
        self._meter = StreamMeter(request, journal.state, deps)

    async def run(self) -> AsyncGenerator[Emission, None]:
        """Deltas while the model writes; a commit for each failure that is followed by another attempt."""
        while self.result is None:
            try:
                async with aclosing(self._attempt()) as deltas:
                    async for delta in deltas:
                        yield delta
            except ModelRejectedError as error:
                if self._draft is None:
                    self._note_failure(error)
                    return
                self._draft = None  # it was the going on that was refused
                self._note_restart("cannot_continue")
                yield self._journal.commit()
            except ModelError as error:
                again = self._note_failure(error)
                if again is None or again.due_at is not None:
                    return
                yield self._journal.commit()
                await self._deps.pause(again.pause_s)
                if await self._restarts():
                    yield self._journal.commit()
            except _WallTimeError:
                self._journal.note_exhausted("wall_s", partial=self._written, unbilled=self._meter.usage)
                return
            except _BudgetError as error:
                self._journal.note_exhausted(error.limit, partial=self._written, unbilled=self._meter.usage)
                return

    async def _attempt(self) -> AsyncGenerator[Delta, None]:
        draft, request = self._draft, self._request
        self._written = self._raw = ""
        self._meter = StreamMeter(self._request, self._journal.state, self._deps)
        reader = PropertyReader("answer") if self._request.json_schema is not None else None
        if draft is not None:
            request = request.model_copy(update={"continue_text": draft.raw})
            self._written, self._raw = draft.text, draft.raw
            if reader is not None:
                reader.feed(draft.raw)
        written = self._raw
        # ChatModel promises that closing the iterator closes the request; every implementation is a generator.
        stream = cast("AsyncGenerator[TextDelta | ChatResult, None]", self._deps.model.stream(request))
        async with aclosing(stream):
            while (part := await self._next(stream)) is not None:
                if isinstance(part, ChatResult):
                    self.result = part.model_copy(update={"text": request.continue_text + part.text})
                    continue
                limit = self._meter.count(part)
                text = part.text if reader is None else reader.feed(part.text)
                written += part.text
                if text:
                    raw = None if reader is None else written[len(self._raw) : reader.consumed]
                    yield Delta(self._message_id, len(self._written), text, raw)
                    self._written += text
                    self._raw += text if raw is None else raw
                if limit is not None:
                    raise _BudgetError(limit)
        if self.result is None:
            raise ModelProtocolError(f"{self._deps.model.name} ended its stream without a result")

    async def _next(self, stream: AsyncGenerator[TextDelta | ChatResult, None]) -> TextDelta | ChatResult | None:
        """The stream's next part, None at its end. Bounded here, since no timeout may span a `yield`."""
        scope = asyncio.timeout(self._journal.wall_left_s())
        try:
            async with scope:
                return await anext(stream, None)
        except TimeoutError as error:
            if scope.expired():
                raise _WallTimeError from error
            raise

    def _note_failure(self, error: ModelError) -> Again | None:
        """Record a failed attempt and what follows it; None when it was the last one."""
        now = self._deps.clock()
        wall_left_s = self._journal.wall_left_s()
        rules, state = self._deps.retries, self._journal.state
        again = decide_retry(error, state, rules, now=now, jitter=self._deps.jitter(), wall_left_s=wall_left_s)
        message = str(error)[:MESSAGE_LIMIT]
        failed = ModelFailed(code=error.code, message=message, attempt=state.failures + 1, will_retry=again is not None)
        self._journal.note(failed, step=self._step)
        kept = again is not None and outage(error)
        if self._written and not kept:
            self._note_restart(error.code)
        self._draft = Draft(self._message_id, self._written, self._raw) if self._written and kept else None
        if again is None:
            self._journal.note(
                RunFailed(code=error.code, message=message, spent=self._journal.state.spent), step=self._step
            )
        elif again.due_at is not None:
            reason = WaitReason(kind="model", detail=message[:_DETAIL], due_at=again.due_at)
            written, label = self._written if kept else "", state.labels.mark(ANSWER)
            self._journal.note(RunWaiting(reason=reason, partial_output=written, label=label), step=self._step)
        return again

    async def _restarts(self) -> bool:
        """Whether what was written has to be given up, since no endpoint can go on with it."""
        draft, constrained = self._draft, self._request.json_schema is not None
        self._draft = await continuable(draft, self._deps, message_id=self._message_id, constrained=constrained)
        if draft is None or self._draft is not None:
            return False
        self._note_restart("cannot_continue")
        return True

    def _note_restart(self, reason: str) -> None:
        self._journal.note(MessageRestarted(message_id=self._message_id, reason=reason), step=self._step)


def prompt_sha256(request: ChatRequest) -> str:
    """A digest of everything that shaped the answer, tracing metadata aside."""
    shaped = request.model_dump(mode="json", exclude={"metadata", "continue_text"})
    return hashlib.sha256(orjson.dumps(shaped, option=orjson.OPT_SORT_KEYS)).hexdigest()
