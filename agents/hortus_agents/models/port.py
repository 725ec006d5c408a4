"""What a step needs of a model."""

from collections.abc import AsyncIterator
from typing import Protocol

from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.spec import ToolMode


class ChatModel(Protocol):
    """One model behind one endpoint.

    `stream` yields deltas and ends with exactly one ChatResult. Closing the iterator, or cancelling the task that
    reads it, closes the HTTP request, which frees the model's slot. Raises a ModelError; never retries by itself.
    Deltas and result hold only what comes behind a request's `continue_text`.
    """

    @property
    def name(self) -> str:
        """The name that requests carry."""
        ...

    @property
    def tool_mode(self) -> ToolMode:
        """How this model is asked for tool calls unless an agent says otherwise."""
        ...

    async def can_continue(self) -> bool:
        """Whether requests may carry a `continue_text`; may ask the endpoint, and says no when that does not answer."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[TextDelta | ChatResult]:
        """Answer `request` piece by piece."""
        ...
