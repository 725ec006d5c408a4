"""Have somebody without tools read a text that anybody may have written."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from hortus_agents.errors import ToolFailedError, ToolRetryError
from hortus_agents.labels import Label, Sensitivity
from hortus_agents.messages import JsonObject, ToolSpec
from hortus_agents.schemas import foreign_fault
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

SCHEMA_LIMIT = 4_000  # characters of a schema's JSON
TEXT_LIMIT = 32_768  # characters of a text that is given as it is

_SPEC = ToolSpec(
    name="read_untrusted",
    description="Get typed values out of a foreign text (an artifact or inline) without obeying it.",
    parameters={
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 500},
            "schema": {"type": "object"},
            "artifact": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "text": {"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT},
            "keep": {"type": "array", "items": {"enum": ["urls", "code"]}, "maxItems": 2, "uniqueItems": True},
        },
        "required": ["question", "schema"],
        "oneOf": [{"required": ["artifact"]}, {"required": ["text"]}],
        "additionalProperties": False,
    },
    example={
        "question": "When is it due?",
        "schema": {"type": "object", "properties": {"due": {"type": "string"}}},
        "text": "...",
    },
)


@dataclass(frozen=True, slots=True)
class StoredText:
    """The bytes of an artifact, and how sensitive the calls were that left them."""

    content: bytes
    sensitivity: Sensitivity


LoadArtifact = Callable[[str], Awaitable[StoredText | None]]
"""What stands behind a sha256 in hex that the tenant has; None where it has none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is wanted of a text: values under `schema`, a JSON schema of type object. `keep` names urls, code."""

    content: str
    question: str
    schema: JsonObject
    keep: frozenset[str] = frozenset()


class UntrustedReader(Protocol):
    """Reads a text in quarantine: what does it has no tools."""

    async def read(self, reading: Reading, context: ToolContext) -> JsonObject | None:
        """Values under the schema; None where the text does not say enough. Raises ToolFailedError."""
        ...


class ReadUntrustedTool:
    """`read_untrusted(question, schema, artifact | text)`: `{"enough_information": bool, "values": {...} | null}`."""

    def __init__(self, reader: UntrustedReader, load_artifact: LoadArtifact | None = None) -> None:
        self._reader = reader
        self._load_artifact = load_artifact

    @property
    def definition(self) -> ToolDefinition:
        """See Tool. Values out of an untrusted text are as little trusted as the text."""
        return ToolDefinition(_SPEC, SideEffect.READ, timeout_s=300.0, output=Label(origin="tool", trust=0))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        schema = dict(arguments["schema"])
        _check(schema)
        content, label = await self._content(arguments)
        reading = Reading(content, str(arguments["question"]), schema, frozenset(arguments.get("keep", ())))
        values = await self._reader.read(reading, context)
        answer = {"enough_information": values is not None, "values": values}
        return ToolOutput(orjson.dumps(answer).decode(), label=label)

    async def _content(self, arguments: Mapping[str, Any]) -> tuple[str, Label]:
        read = Label(origin="tool", trust=0, source="a text that was read in quarantine")
        if "text" in arguments:
            return str(arguments["text"]), read
        sha256 = str(arguments["artifact"])
        whole = None if self._load_artifact is None else await self._load_artifact(sha256)
        if whole is None:
            raise ToolFailedError(f"there is no artifact {sha256}")
        source = f"artifact {sha256[:12]}, read in quarantine"
        label = read.model_copy(update={"source": source, "sensitivity": whole.sensitivity})
        return whole.content.decode("utf-8", "replace"), label


def _check(schema: JsonObject) -> None:
    if len(orjson.dumps(schema)) > SCHEMA_LIMIT:
        raise ToolRetryError(f"the schema is longer than {SCHEMA_LIMIT} characters")
    if schema.get("type") != "object":
        raise ToolRetryError('the schema must be of type "object"')
    fault = foreign_fault(schema)
    if fault is not None:
        raise ToolRetryError(f"the schema: {fault}")
