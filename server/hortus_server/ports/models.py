"""What services need of the configured models."""

from typing import Protocol

from hortus_agents.models.port import ChatModel


class ChatModels(Protocol):
    """The models that agents may name."""

    async def get(self, name: str) -> ChatModel:
        """The model of this name; `default` is the endpoint's own. Raises a ModelError when it cannot be told."""
        ...
