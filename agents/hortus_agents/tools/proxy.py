"""The only way from a model's output to a side effect."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from jsonschema.exceptions import best_match

from hortus_agents.errors import SandboxError, ToolDeniedError, ToolFailedError, ToolRetryError
from hortus_agents.events import ErrorClass, KeptFile
from hortus_agents.labels import UNLABELLED, Label, RunLabels
from hortus_agents.messages import ToolCall, ToolSpec
from hortus_agents.schemas import validator
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.identity import call_sha256, tool_version
from hortus_agents.tools.policy import (
    SERVER,
    Allow,
    Approve,
    Deny,
    ProposedCall,
    ShippedPolicy,
    ToolPolicy,
    Verdict,
)
from hortus_agents.tools.port import (
    AskPerson,
    AskTimer,
    Probed,
    ProbingTool,
    Tool,
    ToolContext,
    ToolDefinition,
    ToolOutput,
    WaitingTool,
    output_label,
)
from hortus_agents.tools.rule_of_two import hold
from hortus_agents.tools.secrets import SecretSource

_log = logging.getLogger(__name__)

OUTPUT_LIMIT = 8 * 1024  # bytes of a result that a prompt may carry
KEPT_LIMIT = 4 * 1024 * 1024  # bytes of a result that are kept at all

_CREDENTIAL_SAID = (
    "the value of a secret stands in the arguments, so the call was not made; no tool takes one: "
    "the agent's definition names the secret, and the server sends it"
)

StoreArtifact = Callable[[bytes], Awaitable[str]]
"""Keeps a whole output and returns its sha256 in hex."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a call came to: text for the model, and how it ended; `origin` tells a person's own words from a tool's.

    `error` says what kind of failure it was; where a rule refused the call, `verdict` names it and `definition` the
    tool. `label` is that of a tool's own text; words of the server's need none.
    """

    outcome: Literal["ok", "retry", "failed", "denied", "duplicate"]
    content: str
    duration_ms: float = 0.0
    truncated: bool = False
    artifact_sha256: str | None = None
    files: tuple[KeptFile, ...] = ()
    tier: str | None = None
    origin: Literal["tool", "user"] = "tool"
    error: ErrorClass | None = None
    verdict: Deny | None = None
    definition: ToolDefinition | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what a call was let through: the state of the tenant's policies, and a verdict whose rate it uses up.

    Whoever begins the call checks them in the commit that says so.
    """

    revision: int | None
    verdict: Allow | Approve

    def again(self) -> "Terms":
        """The same for another attempt, which was counted with the first."""
        return replace(self, verdict=replace(self.verdict, rate=None))


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that passed every check; only `ToolProxy.admit` makes one."""

    call: ToolCall
    tool: Tool
    terms: Terms

    @property
    def definition(self) -> ToolDefinition:
        """The tool's own facts."""
        return self.tool.definition


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """A call that passed every check but one: a person has to approve exactly it, as `call_sha256` names it."""

    call: ToolCall
    definition: ToolDefinition
    verdict: Approve
    call_sha256: str


class ToolProxy:
    """A bound set of tools behind one gate: known, valid arguments, permitted, bounded in time and output.

    A call passes, in this order: known tool and version, arguments, policy by side-effect class and rules, the Rule of
    Two, budget, approval; then it runs within its time, and what comes back is bounded before a model sees it.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        policy: ToolPolicy | None = None,
        store_artifact: StoreArtifact | None = None,
        secrets: SecretSource | None = None,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        self._tools = {tool.definition.spec.name: tool for tool in tools}
        self._policy = policy or ShippedPolicy()
        self._store_artifact = store_artifact
        self._secrets = secrets
        self._output_limit = output_limit

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is told, in the order of binding."""
        return tuple(tool.definition.offered for tool in self._tools.values())

    @property
    def described(self) -> tuple[Label, ...]:
        """Labels that every prompt has: of bound tools' descriptions that somebody else wrote, and by the operator."""
        labels = (tool.definition.described_by for tool in self._tools.values())
        return tuple(label for label in (*labels, self._policy.floors.entering) if label is not None)

    def definition(self, name: str) -> ToolDefinition | None:
        """Facts about a bound tool."""
        tool = self._tools.get(name)
        return None if tool is None else tool.definition

    def admit(
        self,
        call: ToolCall,
        spec: AgentSpec,
        *,
        labels: RunLabels = UNLABELLED,
        approved: str | None = None,
        calls_left: int | None = None,
    ) -> Admitted | NeedsPerson | Observation:
        """Check a call without running it: an Observation says why it may not run.

        `approved` is the hash of the call that persons have approved; it helps no other call. `calls_left` is what
        the run's budget holds, where the call has to be paid from it.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            return Observation("retry", f"there is no tool {call.name!r}; the tools are: {known}", error="unknown_tool")
        definition = tool.definition
        fault = _fault_of(call, definition)
        if fault is not None:
            return Observation("retry", f"invalid arguments of {call.name}: {fault}", error="invalid_arguments")
        if self._secrets is not None and self._secrets.holds(call.arguments):
            return Observation("denied", _CREDENTIAL_SAID, definition=definition)
        verdict = self._judge(ProposedCall(definition, call.arguments, spec, labels))
        if isinstance(verdict, Deny):
            return Observation("denied", verdict.reason, error="forbidden", verdict=verdict, definition=definition)
        if calls_left is not None and calls_left <= 0:
            return Observation("denied", "the run's limit of tool calls is reached", error="budget")
        if isinstance(verdict, Approve):
            identity = call_sha256(call, tool_version(definition))
            if identity != approved:
                return NeedsPerson(call, definition, verdict, identity)
        return Admitted(call, tool, Terms(self._policy.revision, verdict))

    def _judge(self, call: ProposedCall) -> Verdict:
        try:
            call = replace(call, labels=self._policy.floors.over(call.labels))
            return hold(call, self._policy.judge(call))
        except Exception:  # noqa: BLE001 - the boundary: what cannot be judged does not happen
            _log.exception("the policy broke on a call of %s", call.definition.spec.name)
            return Deny("this call could not be judged, so it was not made", "policy-broken", SERVER)

    def wait(self, admitted: Admitted, *, now: datetime) -> AskPerson | AskTimer | Observation | None:
        """What an admitted call waits for; None for one that does something."""
        if not isinstance(admitted.tool, WaitingTool):
            return None
        try:
            return admitted.tool.wait(admitted.call.arguments, now=now)
        except ToolRetryError as error:
            return Observation("retry", str(error), error="tool_retry")
        except Exception as error:  # noqa: BLE001 - the boundary, as in a call
            _log.exception("tool %s raised", admitted.call.name)
            return Observation("failed", f"{admitted.call.name} is broken: {type(error).__name__}", error="tool_broken")

    async def probe(self, admitted: Admitted, context: ToolContext, *, timeout_s: float) -> Probed:
        """Whether an interrupted call took effect; `unknown` where its tool cannot tell, within its time."""
        if not isinstance(admitted.tool, ProbingTool):
            return Probed("unknown")
        try:
            async with asyncio.timeout(min(admitted.definition.timeout_s, timeout_s)):
                return await admitted.tool.probe(admitted.call.arguments, context)
        except Exception:  # noqa: BLE001 - the boundary: what cannot be found out is unknown
            _log.exception("tool %s could not probe", admitted.call.name)
            return Probed("unknown")

    async def bounded(self, admitted: Admitted, output: ToolOutput, labels: RunLabels) -> Observation:
        """The result of a call that another worker had run, cut and labelled as its own run would have."""
        label = self._label(admitted.definition, labels, output.label)
        return await self._bounded(Observation("ok", output.content, tier=output.tier, label=label), 0.0)

    async def run(self, admitted: Admitted, context: ToolContext, *, timeout_s: float | None = None) -> Observation:
        """Run an admitted call; whatever happens inside becomes an observation. Cancellation goes on."""
        bound = admitted.definition.timeout_s
        bound = bound if timeout_s is None else min(bound, timeout_s)
        started = time.monotonic()
        observation = await self._observe(admitted, context, bound)
        if observation.label is None:
            observation = replace(observation, label=self._label(admitted.definition, context.labels))
        return await self._bounded(observation, (time.monotonic() - started) * 1000)

    def _label(self, definition: ToolDefinition, labels: RunLabels, own: Label | None = None) -> Label:
        return self._policy.floors.raised(definition.spec.name, output_label(definition, labels, own))

    async def _observe(self, admitted: Admitted, context: ToolContext, bound_s: float) -> Observation:
        name = admitted.call.name
        try:
            async with asyncio.timeout(bound_s):
                output = await admitted.tool.call(admitted.call.arguments, context)
        except ToolRetryError as error:
            return Observation("retry", str(error), error="tool_retry")
        except SandboxError as error:
            return Observation("failed", str(error), error="sandbox")
        except ToolDeniedError as error:
            return Observation("denied", str(error))
        except ToolFailedError as error:
            return Observation("failed", str(error), error="tool_failed")
        except TimeoutError:
            return Observation("failed", f"{name} took longer than {bound_s:.0f} s and was stopped", error="timeout")
        except Exception as error:  # noqa: BLE001
            # The boundary: a broken tool is the model's problem to work around, not the run's end.
            _log.exception("tool %s raised", name)
            return Observation("failed", f"{name} is broken: {type(error).__name__}", error="tool_broken")
        label = self._label(admitted.definition, context.labels, output.label)
        return Observation("ok", output.content, tier=output.tier, label=label, files=output.files)

    async def _bounded(self, observation: Observation, duration_ms: float) -> Observation:
        """What a prompt may carry of a result; the whole of it is kept as an artifact, up to `KEPT_LIMIT`."""
        content = observation.content
        if self._secrets is not None:
            content = await self._secrets.redact(content)
        whole = content.encode("utf-8", "replace")
        if len(whole) <= self._output_limit:
            return replace(observation, content=whole.decode(), duration_ms=duration_ms)
        sha256 = await self._store_artifact(whole[:KEPT_LIMIT]) if self._store_artifact else None
        kept = whole[: self._output_limit].decode("utf-8", "ignore")
        where = f"; artifact {sha256}" if sha256 is not None else ""
        note = f"[cut: the first {self._output_limit} of {len(whole)} bytes{where}]"
        return replace(
            observation, content=f"{kept}\n{note}", duration_ms=duration_ms, truncated=True, artifact_sha256=sha256
        )


def _fault_of(call: ToolCall, definition: ToolDefinition) -> str | None:
    """The first thing about the arguments that the tool's schema does not take."""
    described = definition.described_by
    judge = validator(definition.spec.parameters, foreign=described is not None and described.untrusted)
    try:
        error = best_match(judge.iter_errors(call.arguments))
    except Exception:  # noqa: BLE001 - the boundary: what a schema that is none says is not known
        _log.exception("the schema of %s cannot be applied", call.name)
        return "nothing can be checked by its schema"
    if error is None:
        return None
    where = "/".join(str(part) for part in error.absolute_path) or "arguments"
    return f"{where}: {error.message[:300]}"
