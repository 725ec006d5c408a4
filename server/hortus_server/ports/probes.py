"""What the API needs to tell how the components are, and which models there are."""

from dataclasses import dataclass
from typing import Protocol

from hortus_agents.spec import ToolMode


class Probe(Protocol):
    """A look at one component from this process."""

    @property
    def component(self) -> str:
        """Name in reports: broker, qdrant, model ..."""
        ...

    async def check(self) -> str:
        """A short detail for people when the component answers. Raises UnavailableError when it does not."""
        ...


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that agents may name; `is_default` is what the name `default` stands for."""

    name: str
    tool_mode: ToolMode
    is_default: bool
    context_tokens: int | None = None


class ModelCatalog(Protocol):
    """The models behind the configured endpoint."""

    async def list(self) -> tuple[ModelInfo, ...]:
        """By name. Raises UnavailableError when the endpoint does not answer."""
        ...
