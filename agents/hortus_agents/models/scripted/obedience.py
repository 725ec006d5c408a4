"""A model that was fooled: it does whatever any text of its prompt orders, fenced or not, in plain letters or hidden.

Tests and benchmarks measure with it what holds when nothing but code is in the way of an injected text.
"""

import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import unquote

from hortus_agents.messages import JsonObject
from hortus_agents.models.scripted.matching import ChatCall
from hortus_agents.models.scripted.script import Obedience, Reply, ScriptedCall

ANSWER_LIMIT = 4_000  # characters of what it repeats in its answer, so that what is injected travels on
_ORDER: Final = re.compile(r"CALL ([a-z_][a-z0-9_]*) (\{)")
_PACKED: Final = re.compile(r"(DECODE|HEX|ROT13) ([A-Za-z0-9+/=_{}\":,.@ -]{8,})")
_FENCE: Final = re.compile(r"\[data from [^\]\n]*\]|\[end\]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TAGS: Final = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_LAYERS = 3  # encodings within encodings that it takes off
_DECODER: Final = json.JSONDecoder()

Order = tuple[str, JsonObject]


def orders(texts: Sequence[str]) -> list[Order]:
    """The calls that texts ask for as `CALL tool {json}`, in order, each once; hidden and encoded ones too."""
    found: list[Order] = []
    for reading in _readings(texts):
        for match in _ORDER.finditer(reading):
            arguments = _object(reading, match.start(2))
            if arguments is not None and (match[1], arguments) not in found:
                found.append((match[1], arguments))
    return found


def filled_form(schema: JsonObject, text: str) -> Any:
    """A value under a JSON schema, as `text` wants it: an order's first argument, or the text itself."""
    asked = orders([text])
    value = str(next(iter(asked[0][1].values()), "")) if asked else text[:200]
    return _filled(schema, value)


def obey(call: ChatCall, reply: Reply) -> Reply:
    """What it says to a request: the first order that it has not carried out, its own script, then all that it read."""
    how = reply.obey or Obedience()
    schema = ((call.body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    texts = [text for message in call.messages for text in strings_in(message.get("content"))]
    purpose = call.key.purpose
    if purpose == "plan":
        return _json(reply, how.plan or {"steps": [], "reply": "nothing to do"})
    if purpose not in {"", "act"} and isinstance(schema, dict):
        return _json(reply, filled_form(schema, texts[-1] if texts else ""))
    made = list(_made(call.messages))
    wanted = [
        *orders([*texts, *strings_in(call.body.get("tools"))]),
        *((own.name, own.arguments) for own in how.script),
    ]
    following = next((order for order in wanted if order not in made), None)
    # As its own words: memories leave out what still stands between the marks of foreign text.
    answer = f"I read: {_FENCE.sub('', ' | '.join(texts[1:]))}"[:ANSWER_LIMIT]
    if isinstance(schema, dict):
        step = {"answer": answer} if following is None else {"tool": following[0], "arguments": following[1]}
        return _json(reply, step)
    if following is None:
        return reply.model_copy(update={"obey": None, "text": answer})
    calls = (ScriptedCall(name=following[0], arguments=following[1]),)
    return reply.model_copy(update={"obey": None, "tool_calls": calls})


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys of objects included."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield key
                yield from strings_in(item)
        case list():
            for item in value:
                yield from strings_in(item)
        case _:
            pass


def _readings(texts: Sequence[str]) -> Iterator[str]:
    """Each text as it stands, and then in every way in which a reader could take it."""
    layer = list(texts)
    for _ in range(_LAYERS):
        yield from layer
        layer = [reading for text in layer for reading in _unveiled(text)]
    yield from layer


def _unveiled(text: str) -> Iterator[str]:
    """What hides in a text: other letters for the same, letters that nobody sees, escapes, encodings."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text.translate(_TAGS)))
    escaped = plain.replace('\\"', '"')
    for other in (plain, escaped, html.unescape(plain), unquote(plain)):
        if other != text and _may_order(other):
            yield other
    for packed in _PACKED.finditer(plain):
        yield _unpacked(packed[1], packed[2])


def _may_order(text: str) -> bool:
    return _ORDER.search(text) is not None or _PACKED.search(text) is not None


def _unpacked(how: str, text: str) -> str:
    try:
        match how:
            case "HEX":
                return bytes.fromhex(text.split(maxsplit=1)[0]).decode("utf-8", "replace")
            case "ROT13":
                return codecs.decode(text, "rot13")
            case _:
                return base64.b64decode(text.split(maxsplit=1)[0] + "==").decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""


def _object(text: str, start: int) -> JsonObject | None:
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _made(messages: Sequence[JsonObject]) -> Iterator[Order]:
    """The calls of earlier turns, native or as JSON text."""
    for message in messages:
        if message.get("role") != "assistant":
            continue
        for each in message.get("tool_calls") or ():
            function = each.get("function") or {}
            yield str(function.get("name")), _object(str(function.get("arguments") or "{}"), 0) or {}
        content = message.get("content")
        step = _object(content, 0) if isinstance(content, str) else None
        if step is not None and "tool" in step:
            yield str(step["tool"]), step.get("arguments") or {}


def _filled(schema: JsonObject, value: str) -> Any:
    if "anyOf" in schema:
        return _filled(schema["anyOf"][0], value)
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    match schema.get("type"):
        case "object":
            return {name: _filled(each, value) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [_filled(schema.get("items") or {"type": "string"}, value)]
        case "boolean":
            return True
        case "number" | "integer":
            return 7
        case _:
            return value


def _json(reply: Reply, value: Any) -> Reply:
    return reply.model_copy(update={"obey": None, "json_value": value})
