"""The script of a scripted model: ordered rules, each a condition and a reply."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, model_validator

from hortus_agents.errors import ScriptError
from hortus_agents.messages import Frozen, JsonObject

MAX_STALL_S: Final = 600.0
_MAX_SCRIPT_BYTES: Final = 16 * 1024 * 1024


def _strings(value: object) -> object:
    """Let `round: 2` and `role: planner` stand for `["2"]` and `["planner"]`."""
    entries = value if isinstance(value, list | tuple) else [value]
    return [str(entry) if isinstance(entry, int) and not isinstance(entry, bool) else entry for entry in entries]


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


AnyOf = Annotated[tuple[str, ...], BeforeValidator(_strings)]


class Condition(Frozen):
    """What a request must be like; every field that is given must hold, a list means any of its entries.

    `run role stage round purpose` compare the `X-Hortus-*` headers of the same name, `metadata` any other one.
    `index` counts the calls of one key (those five headers together) from 0. `turn` counts the assistant messages
    in the prompt: unlike `index` it is the same when a call is repeated after a crash.
    """

    run: AnyOf | None = None
    role: AnyOf | None = None
    stage: AnyOf | None = None
    round: AnyOf | None = None
    purpose: AnyOf | None = None
    metadata: dict[str, AnyOf] = Field(default_factory=dict)
    model: AnyOf | None = None
    index: Annotated[tuple[int, ...], BeforeValidator(_listed)] | None = None
    turn: Annotated[tuple[int, ...], BeforeValidator(_listed)] | None = None
    user: re.Pattern[str] | None = Field(default=None, description="searched in the last user message")
    prompt: re.Pattern[str] | None = Field(default=None, description="searched in the whole prompt")
    last_role: AnyOf | None = Field(default=None, description="role of the last message")
    offers_tool: AnyOf | None = Field(default=None, description="a tool that the request offers")
    guided: bool | None = Field(default=None, description="whether the request asks for a JSON schema")


class ErrorReply(Frozen):
    """An HTTP error instead of an answer."""

    status: int = Field(ge=400, le=599)
    body: str | JsonObject | None = Field(default=None, description="None gives an OpenAI error object")
    retry_after: int | str | None = Field(default=None, description="the Retry-After header: seconds or a date")


class ScriptedCall(Frozen):
    """A tool call of a reply; without an id it gets a fresh one each time."""

    name: str
    arguments: JsonObject = Field(default_factory=dict)
    id: str | None = None


class Obedience(Frozen):
    """Do whatever any text of the prompt orders; then `script`, the calls that a good model would make for the task.

    Asked for a plan, it writes down `plan`.
    """

    script: tuple[ScriptedCall, ...] = ()
    plan: JsonObject = Field(default_factory=dict)


class Reply(Frozen):
    """What the model says, and how it misbehaves meanwhile.

    Exactly one of `text`, `json`, `error`, `obey`, or `tool_calls` (which may follow a `text`). Tokens count from 0
    within the whole output. A `hold` waits until the test releases its name, at most `stall_s` where that is given.
    """

    text: str | None = None
    json_value: Any = Field(default=None, validation_alias=AliasChoices("json", "json_value"))
    tool_calls: tuple[ScriptedCall, ...] = ()
    error: ErrorReply | None = None
    obey: Obedience | None = Field(default=None, description="a model that does whatever its prompt orders")
    repeat: int = Field(default=1, ge=1, le=1_000_000, description="the text, this many times over")
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "abort"] | None = None
    stall_s: float = Field(default=0.0, ge=0, le=MAX_STALL_S)
    hold: str | None = Field(default=None, min_length=1, max_length=200)
    stall_at_token: int = Field(default=0, ge=0, description="0 waits before the first byte, headers included")
    tokens_per_s: float | None = Field(default=None, gt=0, description="None sends everything at once")
    broken_json: bool = Field(default=False, description="cut the JSON text, or the calls' arguments, in half")
    broken_stream: bool = Field(default=False, description="an event that is not JSON in the middle of the stream")
    disconnect_after: int | None = Field(default=None, ge=0, description="drop the connection after so many tokens")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        has_json = bool(self.model_fields_set & {"json_value"})
        kinds = [
            name
            for name, given in (
                ("text", self.text is not None and not self.tool_calls),
                ("json", has_json),
                ("tool_calls", bool(self.tool_calls)),
                ("error", self.error is not None),
                ("obey", self.obey is not None),
            )
            if given
        ]
        if len(kinds) != 1:
            raise ValueError(f"a reply is one of text, json, tool_calls, error or obey; it gives {kinds or 'none'}")
        return self


class Rule(Frozen):
    """The first rule whose condition holds answers; `times` bounds how often."""

    name: str = ""
    when: Condition = Condition()
    reply: Reply
    times: int | None = Field(default=None, ge=1)


class Script(Frozen):
    """A whole script. `models` empty means that every model name is served."""

    models: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    default: Reply | None = Field(default=None, description="for requests that no rule matches; None answers 500")
    embedding_dimensions: int = Field(default=384, ge=8, le=4_096)


def parse_script(text: str, *, source: str) -> Script:
    """The script that `text` (YAML, hence JSON too) describes; `source` names it in errors.

    Raises:
        ScriptError: not YAML, or not a valid script; says where.
    """
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ScriptError(f"{source}: not YAML: {exc}") from exc
    return script_from(parsed, source=source)


def script_from(parsed: object, *, source: str) -> Script:
    """Validate `parsed`.

    Raises:
        ScriptError: names every wrong place by its path, such as `rules.2.reply.error.status`.
    """
    try:
        return Script.model_validate(parsed)
    except ValidationError as exc:
        places = "; ".join(
            f"{'.'.join(str(part) for part in error['loc']) or 'script'}: {error['msg']}"
            for error in exc.errors(include_url=False)
        )
        raise ScriptError(f"{source}: {places}") from exc


def load_script(path: Path) -> Script:
    """The script in the file at `path`.

    Raises:
        ScriptError: the file cannot be read, is too large or is not a valid script.
    """
    try:
        if path.stat().st_size > _MAX_SCRIPT_BYTES:
            raise ScriptError(f"{path}: larger than {_MAX_SCRIPT_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScriptError(f"{path}: cannot be read: {exc}") from exc
    return parse_script(text, source=str(path))
