"""Where a model answers, and what is known about it before the first call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import SecretStr

from hortus_agents.spec import ToolMode

Continues = Literal["auto", "vllm", "prefill", "none"]
"""How an endpoint goes on with an answer that was begun: vLLM's parameters, a last assistant message as llama.cpp's
server takes it, or not at all; `auto` tells by who owns the models."""
CONTINUES_BY_OWNER: Mapping[str, Continues] = {"vllm": "vllm", "llamacpp": "prefill", "hortus": "vllm"}


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """One model behind one OpenAI-compatible address.

    `base_url` includes the version segment (`http://host:port/v1`). `extra_body` is merged under every chat request:
    it can add fields (`chat_template_kwargs`, `priority`) but never replace one that the request itself sets.
    `first_byte_timeout_s` runs from the send to the first event of the answer, so it covers queueing and prefill,
    which take long on a CPU; `chunk_timeout_s` runs between two events.
    """

    name: str
    base_url: str
    api_key: SecretStr | None = None
    tool_mode: ToolMode = "native"
    continues: Continues = "auto"
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    chunk_timeout_s: float = 60.0
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"model {self.name}: base_url must start with http:// or https://, got {self.base_url!r}")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    def url(self, path: str) -> str:
        """Absolute address of `path`, which starts without a slash."""
        return f"{self.base_url}/{path}"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Outcome of a real one-token generation; `detail` says what failed, or is empty."""

    ready: bool
    model: str
    duration_ms: float
    detail: str = ""
