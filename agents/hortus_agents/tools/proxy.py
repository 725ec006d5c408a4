"""The only way from a model's output to a side effect."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from hortus_agents.errors import SandboxError, ToolFailedError, ToolRetryError
from hortus_agents.labels import NOTHING_READ, RunLabels
from hortus_agents.messages import ToolCall, ToolSpec
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.identity import call_sha256, tool_version
from hortus_agents.tools.policy import Approve, ClassPolicy, Deny, ProposedCall, ToolPolicy
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
)

_log = logging.getLogger(__name__)

OUTPUT_LIMIT = 8 * 1024  # bytes of a result that a prompt may carry

StoreArtifact = Callable[[bytes], Awaitable[str]]
"""Keeps a whole output and returns its sha256 in hex."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a call came to: text for the model, and how it ended; `origin` tells a person's own words from a tool's."""

    outcome: Literal["ok", "retry", "failed", "denied", "duplicate"]
    content: str
    duration_ms: float = 0.0
    truncated: bool = False
    artifact_sha256: str | None = None
    tier: str | None = None
    origin: Literal["tool", "user"] = "tool"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that passed every check; only `ToolProxy.admit` makes one."""

    call: ToolCall
    tool: Tool

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
    """A bound set of tools behind one gate: known, valid arguments, permitted, bounded in time and output."""

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        policy: ToolPolicy | None = None,
        store_artifact: StoreArtifact | None = None,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        self._tools = {tool.definition.spec.name: tool for tool in tools}
        self._policy = policy or ClassPolicy()
        self._store_artifact = store_artifact
        self._output_limit = output_limit

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is told, in the order of binding."""
        return tuple(tool.definition.spec for tool in self._tools.values())

    def definition(self, name: str) -> ToolDefinition | None:
        """Facts about a bound tool."""
        tool = self._tools.get(name)
        return None if tool is None else tool.definition

    def admit(
        self, call: ToolCall, spec: AgentSpec, *, labels: RunLabels = NOTHING_READ, approved: str | None = None
    ) -> Admitted | NeedsPerson | Observation:
        """Check a call without running it: an Observation says why it may not run.

        `approved` is the hash of the call that persons have approved; it helps no other call.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            return Observation("retry", f"there is no tool {call.name!r}; the tools are: {known}")
        schema = tool.definition.spec.parameters
        error = best_match(Draft202012Validator(schema).iter_errors(call.arguments))
        if error is not None:
            where = "/".join(str(part) for part in error.absolute_path) or "arguments"
            return Observation("retry", f"invalid arguments of {call.name}: {where}: {error.message[:300]}")
        verdict = self._policy.judge(ProposedCall(tool.definition, call.arguments, spec, labels))
        if isinstance(verdict, Deny):
            return Observation("denied", verdict.reason)
        if isinstance(verdict, Approve):
            identity = call_sha256(call, tool_version(tool.definition))
            if identity != approved:
                return NeedsPerson(call, tool.definition, verdict, identity)
        return Admitted(call, tool)

    def wait(self, admitted: Admitted, *, now: datetime) -> AskPerson | AskTimer | Observation | None:
        """What an admitted call waits for; None for one that does something."""
        if not isinstance(admitted.tool, WaitingTool):
            return None
        try:
            return admitted.tool.wait(admitted.call.arguments, now=now)
        except ToolRetryError as error:
            return Observation("retry", str(error))
        except Exception as error:  # noqa: BLE001 - the boundary, as in a call
            _log.exception("tool %s raised", admitted.call.name)
            return Observation("failed", f"{admitted.call.name} is broken: {type(error).__name__}")

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

    async def bounded(self, output: ToolOutput) -> Observation:
        """The result of a call that another worker had run, cut as its own run would have cut it."""
        return await self._bounded(Observation("ok", output.content, tier=output.tier), 0.0)

    async def run(self, admitted: Admitted, context: ToolContext, *, timeout_s: float | None = None) -> Observation:
        """Run an admitted call; whatever happens inside becomes an observation. Cancellation goes on."""
        bound = admitted.definition.timeout_s
        bound = bound if timeout_s is None else min(bound, timeout_s)
        started = time.monotonic()
        observation = await self._observe(admitted, context, bound)
        return await self._bounded(observation, (time.monotonic() - started) * 1000)

    async def _observe(self, admitted: Admitted, context: ToolContext, bound_s: float) -> Observation:
        name = admitted.call.name
        try:
            async with asyncio.timeout(bound_s):
                output = await admitted.tool.call(admitted.call.arguments, context)
        except ToolRetryError as error:
            return Observation("retry", str(error))
        except (ToolFailedError, SandboxError) as error:
            return Observation("failed", str(error))
        except TimeoutError:
            return Observation("failed", f"{name} took longer than {bound_s:.0f} s and was stopped")
        except Exception as error:  # noqa: BLE001
            # The boundary: a broken tool is the model's problem to work around, not the run's end.
            _log.exception("tool %s raised", name)
            return Observation("failed", f"{name} is broken: {type(error).__name__}")
        return Observation("ok", output.content, tier=output.tier)

    async def _bounded(self, observation: Observation, duration_ms: float) -> Observation:
        whole = observation.content.encode("utf-8", "replace")
        if len(whole) <= self._output_limit:
            content, sha256 = whole.decode(), None
        else:
            sha256 = await self._store_artifact(whole) if self._store_artifact else None
            kept = whole[: self._output_limit].decode("utf-8", "ignore")
            content = f"{kept}\n[cut: the first {self._output_limit} of {len(whole)} bytes]"
        return Observation(
            observation.outcome,
            content,
            duration_ms=duration_ms,
            truncated=len(whole) > self._output_limit,
            artifact_sha256=sha256,
            tier=observation.tier,
            origin=observation.origin,
        )
