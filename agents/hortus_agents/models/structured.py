"""Structure from a model: guided decoding, one repair, then a plain failure."""

import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload

from pydantic import BaseModel, ValidationError

from hortus_agents.errors import ModelProtocolError, StructureError
from hortus_agents.json_text import read_json
from hortus_agents.messages import ChatRequest, ChatResult, JsonObject, Message
from hortus_agents.models.port import ChatModel
from hortus_agents.schemas import validator

DEFAULT_MAX_TOKENS: Final = 1_024
_SHOWN_CHARS: Final = 4_000  # of a wrong answer that the repair request quotes, and of the error about it
_SHOWN_ERRORS: Final = 5
_FENCE: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
OnCall = Callable[[ChatResult], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Structured(Generic[T]):
    """A valid value, and the calls that it took: one, or two when the first answer had to be repaired."""

    value: T
    calls: tuple[ChatResult, ...]

    @property
    def attempts(self) -> int:
        """Model calls made."""
        return len(self.calls)

    @property
    def repaired(self) -> bool:
        """Whether the first answer was not valid."""
        return len(self.calls) > 1


async def complete(model: ChatModel, request: ChatRequest) -> ChatResult:
    """The whole answer to `request`, for callers that show nothing meanwhile.

    Raises:
        ModelError: as `ChatModel.stream`.
    """
    stream: Any = model.stream(request)
    async with aclosing(stream):
        async for piece in stream:
            if isinstance(piece, ChatResult):
                return piece
    raise ModelProtocolError(f"{model.name} ended its stream without a result")


@overload
async def ask_json(
    model: ChatModel, request: ChatRequest, schema: type[Model], *, purpose: str, on_call: OnCall | None = None
) -> Structured[Model]: ...


@overload
async def ask_json(
    model: ChatModel, request: ChatRequest, schema: JsonObject, *, purpose: str, on_call: OnCall | None = None
) -> Structured[Any]: ...


async def ask_json(
    model: ChatModel,
    request: ChatRequest,
    schema: type[BaseModel] | JsonObject,
    *,
    purpose: str,
    on_call: OnCall | None = None,
) -> Structured[Any]:
    """Ask for JSON under `schema`, a JSON schema or a pydantic type; the value is of that type.

    Guided decoding first. An answer that is still not valid (cut off, or an endpoint that ignores the schema) is
    sent back once with the error. `request` must offer no tools; its `json_schema` is replaced, and without a
    `max_tokens` it gets one: small models can emit white space without end under a schema. `purpose` and, for the
    repair, `attempt` travel in the metadata. `on_call` is awaited after each call, so that its usage is kept even
    when the next step fails.

    Raises:
        StructureError: the repaired answer is not valid either; carries its text.
        ModelError: as `ChatModel.stream`.
    """
    reader = _Reader(schema)
    asked = request.model_copy(
        update={
            "json_schema": reader.json_schema,
            "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
            "metadata": {**request.metadata, "purpose": purpose},
        }
    )
    first = await _call(model, asked, on_call)
    try:
        return Structured(reader.read(first), (first,))
    except _InvalidError as invalid:
        problem = str(invalid)
    repair = asked.model_copy(
        update={
            "messages": (*asked.messages, *_repair_messages(first.text, problem)),
            "metadata": {**asked.metadata, "attempt": "2"},
        }
    )
    second = await _call(model, repair, on_call)
    try:
        return Structured(reader.read(second), (first, second))
    except _InvalidError as invalid:
        raise StructureError(
            f"{model.name} gave no valid structure for {purpose} after one repair: {invalid}", text=second.text
        ) from invalid


async def _call(model: ChatModel, request: ChatRequest, on_call: OnCall | None) -> ChatResult:
    result = await complete(model, request)
    if on_call is not None:
        await on_call(result)
    return result


def _repair_messages(text: str, problem: str) -> tuple[Message, Message]:
    return (
        Message(role="assistant", content=text[:_SHOWN_CHARS]),
        Message(
            role="user",
            content=f"That answer is not valid: {problem}\nAnswer again with the corrected JSON only.",
        ),
    )


class _InvalidError(Exception):
    """An answer is not what the schema asks for; the message is for the model."""


class _Reader:
    """Validates answers against one schema."""

    def __init__(self, schema: type[BaseModel] | JsonObject) -> None:
        self._type = schema if isinstance(schema, type) else None
        self.json_schema: JsonObject = schema.model_json_schema() if isinstance(schema, type) else schema
        self._validator = None if self._type is not None else validator(self.json_schema)

    def read(self, answer: ChatResult) -> Any:
        """The value in `answer`.

        Raises:
            _InvalidError: it is not JSON, or not under the schema.
        """
        text = answer.text
        if fenced := _FENCE.match(text):
            text = fenced.group(1)
        try:
            value = read_json(text)
        except ValueError as exc:
            cut = f"; it was cut off after {answer.usage.completion_tokens} tokens, so be shorter"
            raise _InvalidError(f"not JSON ({exc}){cut if answer.finish_reason == 'length' else ''}") from exc
        if self._type is not None:
            try:
                return self._type.model_validate_json(text)
            except ValidationError as exc:
                raise _InvalidError(_listed([_place(error["loc"], error["msg"]) for error in exc.errors()])) from exc
        if self._validator is not None:
            errors = [_place(error.absolute_path, error.message) for error in self._validator.iter_errors(value)]
            if errors:
                raise _InvalidError(_listed(errors))
        return value


def _place(path: Any, message: str) -> str:
    return f"{'.'.join(str(part) for part in path) or 'the object'}: {message}"


def _listed(errors: list[str]) -> str:
    return "; ".join(errors[:_SHOWN_ERRORS])[:_SHOWN_CHARS]
