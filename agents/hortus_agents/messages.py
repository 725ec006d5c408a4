"""What goes to a model and what comes back, in the chat-completions sense."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]
FinishReason = Literal["stop", "length", "tool_calls", "cancelled", "error"]


class Frozen(BaseModel):
    """Immutable value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(Frozen):
    """One use of a tool, as the model asked for it; `id` is unique in its session."""

    id: str
    name: str
    arguments: JsonObject


class Message(Frozen):
    """One entry of a conversation; `tool` messages answer the call named by `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class ToolSpec(Frozen):
    """What a model is told about a tool; `parameters` is a JSON schema of type object, `example` meets it."""

    name: str
    description: str
    parameters: JsonObject
    example: JsonObject | None = None


class Usage(Frozen):
    """Tokens that a call consumed; `cached_tokens` is the part of the prompt that a prefix cache served."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
        )

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class ChatRequest(Frozen):
    """One call of a model.

    `tools` are offered natively; `json_schema` asks for guided decoding instead (the two are exclusive).
    `metadata` travels as request headers for scripted tests and tracing, never as prompt text. `continue_text` is how
    the answer begins: the model writes on behind it. Under a `json_schema` it must end inside the string of the last
    property, so that only the rest of the string and the end of the object are left to write.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    json_schema: JsonObject | None = None
    continue_text: str = ""
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    metadata: Mapping[str, str] = Field(default_factory=dict)


class TextDelta(Frozen):
    """A piece of the answer's text, in order."""

    text: str


class ChatResult(Frozen):
    """The whole answer of one call."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason
    usage: Usage = Usage()
    model: str
    duration_ms: float
    first_token_ms: float | None = None
