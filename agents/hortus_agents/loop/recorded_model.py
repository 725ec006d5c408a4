"""A model whose calls are events: each is logged with its purpose, and none is made twice."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid5

from hortus_agents.errors import ModelError
from hortus_agents.events import ModelCalled, ModelFailed
from hortus_agents.loop.model_call import prompt_sha256
from hortus_agents.loop.retry import ATTEMPTS, backoff_s
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.models.port import ChatModel
from hortus_agents.models.structured import complete
from hortus_agents.spec import ToolMode
from hortus_agents.tools.port import ToolContext


@dataclass(slots=True)
class RecordedModel:
    """Wraps a model for the time of one tool call.

    A request that this call had finished before a crash is answered from the log: equal prompts have equal digests.
    Retryable failures are retried like the loop's own calls.
    """

    model: ChatModel
    context: ToolContext
    jitter: Callable[[], float] = random.random
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _calls: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """See ChatModel."""
        return self.model.name

    @property
    def tool_mode(self) -> ToolMode:
        """See ChatModel."""
        return self.model.tool_mode

    async def can_continue(self) -> bool:
        """See ChatModel; no, since nobody saw the beginning."""
        return False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        """See ChatModel; yields the result only, since nobody reads along."""
        metadata = {**request.metadata, "run_id": str(self.context.run_id), "step": str(self.context.step)}
        request = request.model_copy(update={"metadata": metadata})
        self._calls += 1
        digest = prompt_sha256(request)
        purpose = request.metadata.get("purpose", "capability")
        known = next(
            (
                event
                for event in self.context.prior
                if isinstance(event, ModelCalled) and event.prompt_sha256 == digest and event.purpose == purpose
            ),
            None,
        )
        if known is not None:
            yield _replayed(known)
            return
        result = await self._call(request, purpose)
        await self.context.emit([self._event(request, result, purpose, digest)])
        yield result

    async def _call(self, request: ChatRequest, purpose: str) -> ChatResult:
        attempt = 0
        while True:
            attempt += 1
            try:
                return await complete(self.model, request)
            except ModelError as error:
                again = error.retryable and attempt < ATTEMPTS
                failed = ModelFailed(
                    purpose=purpose, code=error.code, message=str(error)[:2_000], attempt=attempt, will_retry=again
                )
                await self.context.emit([failed])
                if not again:
                    raise
                await self.pause(backoff_s(error, attempt=attempt, jitter=self.jitter()))

    def _event(self, request: ChatRequest, result: ChatResult, purpose: str, digest: str) -> ModelCalled:
        return ModelCalled(
            message_id=uuid5(self.context.run_id, f"{self.context.call_id}/{self._calls}"),
            purpose=purpose,
            model=result.model,
            tool_mode="constrained" if request.json_schema is not None else "native",
            text=result.text,
            finish_reason=result.finish_reason,
            usage=result.usage,
            duration_ms=result.duration_ms,
            first_token_ms=result.first_token_ms,
            prompt_sha256=digest,
            guard="repaired" if request.metadata.get("attempt") == "2" else None,
        )


def _replayed(event: ModelCalled) -> ChatResult:
    return ChatResult(
        text=event.text,
        finish_reason=event.finish_reason,
        usage=event.usage,
        model=event.model,
        duration_ms=event.duration_ms,
        first_token_ms=event.first_token_ms,
    )
