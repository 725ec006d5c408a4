"""A model whose answers tools work with: what they keep or hand on holds no secret that the model repeats."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.models.port import ChatModel
from hortus_agents.models.structured import complete
from hortus_agents.spec import ToolMode
from hortus_agents.tools.secrets import SecretSource


@dataclass(frozen=True, slots=True)
class RedactedModel:
    """Yields whole answers only: nobody reads along with what a tool asks."""

    model: ChatModel
    secrets: SecretSource

    @property
    def name(self) -> str:
        """See ChatModel."""
        return self.model.name

    @property
    def tool_mode(self) -> ToolMode:
        """See ChatModel."""
        return self.model.tool_mode

    async def can_continue(self) -> bool:
        """See ChatModel."""
        return await self.model.can_continue()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        """See ChatModel."""
        result = await complete(self.model, request)
        # A tool's own questions offer no tools, so that there are no calls to look at.
        yield result.model_copy(update={"text": await self.secrets.redact(result.text), "tool_calls": ()})
