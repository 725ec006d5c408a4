"""Chat-completions wire format: what is sent, and how a streamed answer is put together.

Source: OpenAI API reference, "Create chat completion" and its streaming events; deviations that are accepted here
(missing call ids, `stop` next to tool calls, a `usage`-only last event) were seen in vLLM and llama.cpp.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from hortus_agents.errors import ModelProtocolError, ModelRejectedError, ModelUnavailableError
from hortus_agents.json_text import read_json
from hortus_agents.messages import ChatRequest, FinishReason, JsonObject, Message, ToolCall, Usage
from hortus_agents.models.endpoint import Continues

METADATA_HEADER_PREFIX: Final = "X-Hortus-"
# What may follow inside the last string of a JSON object: the same language for the two kinds of endpoint.
REST_REGEX: Final = r'([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"[ \n]?\}'
REST_GBNF: Final = (
    r'root ::= char* "\"" [ \n]? "}"'
    "\n"
    r'char ::= [^"\\\x7F\x00-\x1F] | [\\] (["\\/bfnrt] | "u" hex hex hex hex)'
    "\n"
    "hex ::= [0-9a-fA-F]\n"
)
RAW_TEXT_LIMIT: Final = 2_000  # characters of an endpoint's text that go into an error

_PRINTABLE_ASCII: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
_FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "abort": "cancelled",
    "cancelled": "cancelled",
}


def metadata_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Headers for `metadata`: key `run_id` becomes `X-Hortus-Run-Id`; values are percent-encoded outside ASCII."""
    headers: dict[str, str] = {}
    for key, value in metadata.items():
        words = [word.capitalize() for word in _NOT_IN_NAMES.sub("-", key).replace("_", "-").split("-") if word]
        headers[METADATA_HEADER_PREFIX + "-".join(words)] = quote(value, safe=_PRINTABLE_ASCII)
    return headers


def chat_body(request: ChatRequest, extra_body: Mapping[str, Any], *, continues: Continues = "none") -> bytes:
    """The JSON body of one streamed call; equal requests give equal bytes, so prefixes stay cacheable.

    `continues` is how the endpoint goes on with a `continue_text`.

    Raises:
        ValueError: `tools` and `json_schema` are both set.
    """
    if request.tools and request.json_schema is not None:
        raise ValueError("a request offers tools or asks for a JSON schema, not both")
    body: JsonObject = {
        **extra_body,
        "model": request.model,
        "messages": [_wire_message(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": request.temperature,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.continue_text:
        body |= _continuation(request, body["messages"], continues)
    elif request.json_schema is not None:
        name = _NOT_IN_NAMES.sub("_", str(request.json_schema.get("title", "answer")))[:64]
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": request.json_schema, "strict": True},
        }
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = request.stop
    return orjson.dumps(body)


def _continuation(request: ChatRequest, messages: list[JsonObject], continues: Continues) -> JsonObject:
    """The begun answer as the last message. A schema would start anew behind it, hence a grammar of what is left."""
    body: JsonObject = {"messages": [*messages, {"role": "assistant", "content": request.continue_text}]}
    if continues == "vllm":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if request.json_schema is not None:
        rest: JsonObject = (
            {"structured_outputs": {"regex": REST_REGEX}} if continues == "vllm" else {"grammar": REST_GBNF}
        )
        body |= rest
    return body


def _wire_message(message: Message) -> JsonObject:
    wire: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


@dataclass(slots=True)
class _CallParts:
    id: str = ""
    name: str = ""
    arguments: str = ""


class AnswerAssembler:
    """Builds one answer from the events of its stream."""

    __slots__ = ("_calls", "_finish", "_new_id", "_texts", "has_output", "model", "usage")

    def __init__(self, model: str, new_id: Callable[[], str]) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, _CallParts] = {}
        self._finish: str | None = None
        self._new_id = new_id
        self.has_output = False
        self.model = model
        self.usage = Usage()

    def feed(self, payload: bytes) -> str:
        """Take in one event and return the text that it adds.

        Raises:
            ModelProtocolError: the event is not JSON, or not shaped as the protocol says.
            ModelRejectedError: the endpoint reports in mid-stream that the request was wrong.
            ModelUnavailableError: the endpoint reports in mid-stream that it failed.
        """
        try:
            event = orjson.loads(payload)
            if "error" in event:
                raise _stream_error(event["error"])
            choices = event.get("choices")
            if event.get("usage"):
                self.usage = _usage(event["usage"])
            return self._feed_choice(choices[0]) if choices else ""
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raw = payload.decode("utf-8", "replace")[:RAW_TEXT_LIMIT]
            raise ModelProtocolError(f"the endpoint sent an event that cannot be read: {raw}") from exc

    def _feed_choice(self, choice: JsonObject) -> str:
        finish = choice.get("finish_reason")
        if finish:
            self._finish = finish
        delta = choice.get("delta")
        if not delta:
            return ""
        for part in delta.get("tool_calls") or ():
            self.has_output = True
            self._feed_call(part)
        text = delta.get("content")
        if text:
            self.has_output = True
            self._texts.append(text)
            return text if isinstance(text, str) else _not_text(text)
        if delta.get("reasoning_content") or delta.get("reasoning"):
            self.has_output = True
        return ""

    def _feed_call(self, part: JsonObject) -> None:
        call = self._calls.setdefault(part.get("index", 0), _CallParts())
        function = part.get("function") or {}
        call.id = part.get("id") or call.id
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._texts)

    @property
    def finished(self) -> bool:
        """Whether the endpoint said why it stopped."""
        return self._finish is not None

    def finish_reason(self) -> FinishReason:
        """The stream's reason in our words; `error` for one that nobody knows."""
        if self._calls and self._finish in {"stop", "tool_calls", "function_call"}:
            return "tool_calls"
        return _FINISH_REASONS.get(self._finish or "", "error")

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls in the order of their index.

        Raises:
            ModelProtocolError: a call has no name, or its arguments are not one JSON object.
        """
        return tuple(self._tool_call(self._calls[index]) for index in sorted(self._calls))

    def _tool_call(self, parts: _CallParts) -> ToolCall:
        raw = parts.arguments[:RAW_TEXT_LIMIT]
        if not parts.name:
            raise ModelProtocolError(f"the model called a tool without a name; its arguments were: {raw}")
        try:
            arguments = read_json(parts.arguments) if parts.arguments.strip() else {}
        except ValueError as exc:
            raise ModelProtocolError(f"the arguments of the call of {parts.name} are not JSON: {raw}") from exc
        if not isinstance(arguments, dict):
            raise ModelProtocolError(f"the arguments of the call of {parts.name} are not a JSON object: {raw}")
        return ToolCall(id=parts.id or self._new_id(), name=parts.name, arguments=arguments)


def _not_text(value: object) -> str:
    raise TypeError(f"content is {type(value).__name__}, not text")


def _usage(usage: JsonObject) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=details.get("cached_tokens") or 0,
    )


def _stream_error(error: Any) -> ModelRejectedError | ModelUnavailableError:
    message = endpoint_message(orjson.dumps({"error": error}))
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 500 and code != 429:  # noqa: PLR2004 - HTTP's own classes
        return ModelRejectedError(f"the endpoint refused in mid-stream: {message}", status=code)
    return ModelUnavailableError(
        f"the endpoint failed in mid-stream: {message}", status=code if isinstance(code, int) else None
    )


def endpoint_message(body: bytes) -> str:
    """What an error body says, bounded: OpenAI's `error.message`, FastAPI's `detail`, or the text itself."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace").strip()[:RAW_TEXT_LIMIT]
    found = parsed
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return (found if isinstance(found, str) else orjson.dumps(found).decode())[:RAW_TEXT_LIMIT]
