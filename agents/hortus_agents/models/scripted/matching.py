"""Which rule of a script answers a request."""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import unquote

from hortus_agents.messages import JsonObject
from hortus_agents.models.scripted.rendering import PreparedReply
from hortus_agents.models.scripted.script import Condition, Script
from hortus_agents.models.wire import METADATA_HEADER_PREFIX

_COUNTED_KEYS: Final = 100_000
_QUOTED_CHARS: Final = 200


class RequestKey(NamedTuple):
    """What identifies a kind of call; empty where the header is absent."""

    run: str
    role: str
    stage: str
    round: str
    purpose: str

    def __str__(self) -> str:
        given = [f"{name}={value}" for name, value in zip(self._fields, self, strict=True) if value]
        return " ".join(given) or "no X-Hortus-* headers"


_KEY_HEADERS: Final = tuple(METADATA_HEADER_PREFIX + name.capitalize() for name in RequestKey._fields)
_RUN_ID_HEADER: Final = METADATA_HEADER_PREFIX + "Run-Id"


def request_key(headers: Mapping[str, str]) -> RequestKey:
    """The key that `headers` (case-insensitive) carry; `X-Hortus-Run-Id` stands in for `X-Hortus-Run`."""
    key = RequestKey(*[unquote(headers.get(name, "")) for name in _KEY_HEADERS])
    return key if key.run else key._replace(run=unquote(headers.get(_RUN_ID_HEADER, "")))


class ChatCall:
    """A chat request as rules see it.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: `body` is not shaped as a chat request.
    """

    def __init__(self, body: object, headers: Mapping[str, str]) -> None:
        if not isinstance(body, dict):
            raise TypeError("the body is not a JSON object")
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or not all(isinstance(entry, dict) for entry in messages):
            raise ValueError("messages must be a list of at least one object")
        wanted = body.get("response_format") or {"type": "text"}
        if wanted["type"] not in {"text", "json_object", "json_schema"}:
            raise ValueError(f"response_format.type {wanted['type']!r} is not known")
        if wanted["type"] == "json_schema" and not isinstance(wanted["json_schema"]["schema"], dict):
            raise ValueError("response_format.json_schema.schema must be an object")
        self.body: JsonObject = body
        self.begun = _begun(body, messages)
        self.messages: list[JsonObject] = messages[:-1] if self.begun else messages
        self.headers = headers
        self.key = request_key(headers)
        self.index = 0
        self.model = str(body.get("model", ""))

    @cached_property
    def prompt(self) -> str:
        """Tools and messages as one text, in the order in which a chat template lays them out."""
        parts = [f"tools: {self.body['tools']}"] if self.body.get("tools") else []
        for message in self.messages:
            parts.append(f"{message.get('role')}: {_text(message)}")
            if message.get("tool_calls"):
                parts.append(f"calls: {message['tool_calls']}")
        return "\n".join(parts)

    @property
    def last_user(self) -> str:
        """Text of the last user message; empty when there is none."""
        return next((_text(entry) for entry in reversed(self.messages) if entry.get("role") == "user"), "")

    @property
    def turn(self) -> int:
        """Assistant messages so far."""
        return sum(entry.get("role") == "assistant" for entry in self.messages)

    @property
    def guided(self) -> bool:
        """Whether a JSON schema or object is asked for, or the rest of one."""
        if self.begun and (self.body.get("structured_outputs") or self.body.get("grammar")):
            return True
        return (self.body.get("response_format") or {}).get("type") in {"json_schema", "json_object"}

    @property
    def offered_tools(self) -> frozenset[str]:
        """Names of the tools in the request."""
        return frozenset(str((tool.get("function") or {}).get("name")) for tool in self.body.get("tools") or ())

    def describe(self) -> str:
        """One line that names the request in an error."""
        return f"{self.key} index={self.index} turn={self.turn} user={self.last_user[:_QUOTED_CHARS]!r}"


def _begun(body: JsonObject, messages: list[JsonObject]) -> str:
    """The answer's beginning in the last assistant message, which vLLM wants announced and llama.cpp's server not."""
    announced = bool(body.get("continue_final_message"))
    if announced and body.get("add_generation_prompt", True):
        raise ValueError("continue_final_message and add_generation_prompt exclude each other")
    last = messages[-1]
    begun = _text(last) if last.get("role") == "assistant" and not last.get("tool_calls") else ""
    if announced and not begun:
        raise ValueError("continue_final_message needs a last assistant message with text")
    return begun


def _text(message: JsonObject) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


Test = Callable[[ChatCall], bool]


def _one_of(read: Callable[[ChatCall], object], accepted: Collection[object]) -> Test:
    return lambda call: read(call) in accepted


def _found(read: Callable[[ChatCall], str], pattern: re.Pattern[str]) -> Test:
    return lambda call: pattern.search(read(call)) is not None


def _header(name: str) -> Callable[[ChatCall], str]:
    header = METADATA_HEADER_PREFIX + name.replace("_", "-")
    return lambda call: unquote(call.headers.get(header, ""))


def _tests(condition: Condition) -> tuple[Test, ...]:
    """One test per given field; the cheap ones come first."""
    reads: tuple[tuple[Callable[[ChatCall], object], Collection[object] | None], ...] = (
        (lambda call: call.key.run, condition.run),
        (lambda call: call.key.role, condition.role),
        (lambda call: call.key.stage, condition.stage),
        (lambda call: call.key.round, condition.round),
        (lambda call: call.key.purpose, condition.purpose),
        (lambda call: call.model, condition.model),
        (lambda call: call.index, condition.index),
        (lambda call: call.turn, condition.turn),
        (lambda call: call.guided, None if condition.guided is None else (condition.guided,)),
        (lambda call: call.messages[-1].get("role"), condition.last_role),
        *((_header(name), values) for name, values in condition.metadata.items()),
    )
    tests = [_one_of(read, accepted) for read, accepted in reads if accepted is not None]
    if (tools := condition.offers_tool) is not None:
        wanted = frozenset(tools)
        tests.append(lambda call: not wanted.isdisjoint(call.offered_tools))
    if condition.user is not None:
        tests.append(_found(lambda call: call.last_user, condition.user))
    if condition.prompt is not None:
        tests.append(_found(lambda call: call.prompt, condition.prompt))
    return tuple(tests)


class Choice(NamedTuple):
    """The reply to a call and the name of the rule that gave it."""

    rule: str
    prepared: PreparedReply


class _Entry(NamedTuple):
    name: str
    tests: tuple[Test, ...]
    times: int | None
    prepared: PreparedReply


class RuleBook:
    """A script in use: it counts calls per key and answers per rule."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._entries = [
            _Entry(rule.name or f"rules.{number}", _tests(rule.when), rule.times, PreparedReply(rule.reply))
            for number, rule in enumerate(script.rules)
        ]
        self._default = None if script.default is None else Choice("default", PreparedReply(script.default))
        self._calls: OrderedDict[RequestKey, int] = OrderedDict()
        self._answers = [0] * len(self._entries)

    def choose(self, call: ChatCall) -> Choice | None:
        """Set `call.index`, then give the first rule's reply, else the default, else None."""
        call.index = self._calls.get(call.key, 0)
        self._calls[call.key] = call.index + 1
        self._calls.move_to_end(call.key)
        if len(self._calls) > _COUNTED_KEYS:
            self._calls.popitem(last=False)
        for number, entry in enumerate(self._entries):
            if entry.times is not None and self._answers[number] >= entry.times:
                continue
            if all(test(call) for test in entry.tests):
                self._answers[number] += 1
                return Choice(entry.name, entry.prepared)
        return self._default
