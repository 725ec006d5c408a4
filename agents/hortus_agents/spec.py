"""The definition of an agent: what a version of it pins."""

import re
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator

from hortus_agents.labels import Sensitivity
from hortus_agents.limits import RunLimits
from hortus_agents.messages import Frozen

ToolMode = Literal["native", "constrained"]
Strategy = Literal["react", "plan_execute"]

BuiltinTool = Literal[
    "recall",
    "remember",
    "calculate",
    "http_get",
    "python",
    "request_capability",
    "ask_human",
    "sleep",
    "wait_until",
    "read_untrusted",
]
BUILTIN_TOOLS: tuple[BuiltinTool, ...] = get_args(BuiltinTool)
PluginName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
LONGEST_WAIT_S = 30 * 86_400


class MemorySpec(Frozen):
    """What an agent remembers and recalls by itself."""

    recall: bool = Field(default=True, description="search memory with the user's message before the first step")
    remember: bool = Field(default=True, description="write an episode after each run")
    visibility: Literal["private", "tenant"] = Field(
        default="tenant", description="who may recall this agent's episodes"
    )
    recall_limit: int = Field(default=3, ge=0, le=20)


class EvolutionSpec(Frozen):
    """Whether an agent may use and grow the shared library of tools."""

    reuse: bool = Field(default=True, description="bind active evolved tools that fit the task")
    create: bool = Field(default=True, description="offer request_capability")
    bind_limit: int = Field(default=4, ge=0, le=20, description="evolved tools bound per run at most")


class LoopBreakerSpec(Frozen):
    """When a run that goes in circles is ended with the code `loop_detected`."""

    enabled: bool = True
    repeats: int = Field(
        default=3, ge=2, le=1_000, description="the same call came to the same result this often: the run ends"
    )
    pairs: int = Field(
        default=2, ge=2, le=500, description="two calls took turns this often with the same results: the run ends"
    )


class ApprovalSpec(Frozen):
    """Which calls a person decides on before they happen, and how long there is to do so."""

    tools: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=100, description="names of tools, evolved ones too"
    )
    from_class: int | None = Field(
        default=None, ge=0, le=3, description="every call of this side-effect class or above; none means only `tools`"
    )
    expires_s: float = Field(
        default=86_400.0, ge=1, le=LONGEST_WAIT_S, description="seconds until nobody's word means no"
    )


SECRET_REFERENCE: Final = re.compile(r"\{\{secret:([A-Za-z][A-Za-z0-9_]{0,63})\}\}")
_OWN_HEADERS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "te", "upgrade"})


class HttpHeader(Frozen):
    """A header that http_get sends to one host, with a secret that no model sees.

    `value` names the secret as `{{secret:NAME}}`, once: `Bearer {{secret:GITHUB_TOKEN}}`.
    """

    host: str = Field(min_length=1, max_length=253, description="one of `http_allow`: `name`, or `name:port`")
    header: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    value: str = Field(min_length=12, max_length=500, pattern=r"^[\x20-\x7e]+$")

    @property
    def secret(self) -> str:
        """The name of the secret."""
        found: str = SECRET_REFERENCE.findall(self.value)[0]
        return found

    def filled(self, secret: str) -> str:
        """The header's value with the secret in its place."""
        return SECRET_REFERENCE.sub(lambda _: secret, self.value)

    @model_validator(mode="after")
    def _names_one_secret(self) -> "HttpHeader":
        if len(SECRET_REFERENCE.findall(self.value)) != 1:
            raise ValueError("`value` names exactly one secret, as {{secret:NAME}}")
        if self.header.lower() in _OWN_HEADERS:
            raise ValueError(f"the header {self.header} belongs to the connection")
        return self


class AgentSpec(Frozen):
    """One immutable version of an agent."""

    instructions: Annotated[str, Field(max_length=20_000)] = "You are a helpful assistant. Be brief."
    model: str = Field(default="default", max_length=200, description="a model name of the server; see /v1/models")
    tool_mode: ToolMode | None = Field(default=None, description="None takes the model's own setting")
    strategy: Strategy = "react"
    tools: tuple[BuiltinTool, ...] = ("recall", "calculate", "python", "request_capability")
    plugins: tuple[PluginName, ...] = Field(
        default=(), max_length=100, description="tools that this installation adds (HORTUS_WORKER_PLUGINS), by name"
    )
    memory: MemorySpec = MemorySpec()
    evolution: EvolutionSpec = EvolutionSpec()
    limits: RunLimits = RunLimits()
    loop_breaker: LoopBreakerSpec = LoopBreakerSpec()
    approval: ApprovalSpec = ApprovalSpec()
    temperature: float = Field(default=0.0, ge=0, le=2)
    sensitivity: Sensitivity = Field(
        default=0,
        description=(
            "of what this agent handles: 0 public, 1 the tenant's own, 2 confidential, which counts as read from the "
            "start"
        ),
    )
    http_allow: tuple[str, ...] = Field(
        default=(), max_length=100, description="host names that http_get may reach; empty means none"
    )
    http_headers: tuple[HttpHeader, ...] = Field(
        default=(), max_length=50, description="headers with secrets, by host; only http_get sends them"
    )

    @model_validator(mode="after")
    def _headers_go_to_allowed_hosts(self) -> "AgentSpec":
        for entry in self.http_headers:
            if entry.host not in self.http_allow:
                raise ValueError(f"http_headers: the host {entry.host} is not in http_allow")
        return self
