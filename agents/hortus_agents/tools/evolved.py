"""A tool that an agent wrote, run in the sandbox from its exact stored version."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from hortus_agents.errors import ToolFailedError, ToolRetryError
from hortus_agents.events import CapabilityDisabled
from hortus_agents.labels import Label
from hortus_agents.sandbox.contract import AnswerTool, CallExtras, Sandbox, SandboxOutcome
from hortus_agents.spec import SECRET_REFERENCE
from hortus_agents.tools.capability import Capability, CapabilityLibrary
from hortus_agents.tools.grants import host_of
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput


class EvolvedTool:
    """Wraps one version. Its code is pure by construction (no network, fresh jail): by default a call may run again."""

    def __init__(self, capability: Capability, *, sandbox: Sandbox, library: CapabilityLibrary) -> None:
        self._capability = capability
        self._sandbox = sandbox
        self._library = library

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        found = self._capability
        return ToolDefinition(
            found.spec,
            SideEffect.SCRATCH if found.permissions.declared else SideEffect.READ,
            found.in_doubt,
            version_id=found.version_id,
            output=Label(origin="tool", trust=1).join(found.label),
            described_by=found.label,
            secrets=found.permissions.secrets,
        )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        capability = self._capability
        if await self._library.get(context.tenant_id, capability.version_id) is None:
            await self._refuse(context)
        result = await self._sandbox.run_function(
            capability.source,
            function=capability.function,
            arguments=dict(arguments),
            extras=CallExtras(answer_tool=self._declared_only(context) if capability.permissions.tools else None),
        )
        ok = result.outcome is SandboxOutcome.OK
        await self._library.record_use(
            context.tenant_id, capability.version_id, run_id=context.run_id, call_id=context.call_id, ok=ok
        )
        if ok:
            value = result.value
            return ToolOutput(value if isinstance(value, str) else json.dumps(value), tier=result.tier)
        reason = result.error.strip().splitlines()[-1] if result.error.strip() else result.outcome.value
        if result.outcome is SandboxOutcome.ERROR:
            raise ToolRetryError(f"{capability.name} raised: {reason}")
        raise ToolFailedError(f"{capability.name} was stopped ({result.outcome.value}): {reason}")

    def _declared_only(self, context: ToolContext) -> AnswerTool:
        """The calls that its permissions declare; the proxy judges them besides, by what its agent may."""
        permissions = self._capability.permissions

        async def answer(name: str, arguments: Mapping[str, Any]) -> str:
            if name not in permissions.tools or context.call_tool is None:
                raise ToolFailedError(f"this tool does not declare calls of {name}")
            host = host_of(str(arguments.get("url", ""))) if name == "http_get" else None
            if name == "http_get" and host not in permissions.network:
                raise ToolFailedError(f"this tool does not declare the host {host}")
            for secret in SECRET_REFERENCE.findall(json.dumps(arguments)):
                if secret not in permissions.secrets:
                    raise ToolFailedError(f"this tool does not declare the secret {secret}")
            return await context.call_tool(name, arguments)

        return answer

    async def _refuse(self, context: ToolContext) -> NoReturn:
        """Somebody took the version out of use since it was bound: the run forgets it, and is told so."""
        gone = self._capability
        reason = f"version {gone.version} was taken out of use"
        await context.emit(
            [CapabilityDisabled(name=gone.name, tool_id=gone.tool_id, tool_version_id=gone.version_id, reason=reason)]
        )
        raise ToolFailedError(f"{gone.name}: {reason}. Do without it.")
