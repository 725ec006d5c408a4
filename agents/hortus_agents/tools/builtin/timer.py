"""Wait for a time without holding a worker."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hortus_agents.errors import ToolRetryError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.spec import LONGEST_WAIT_S
from hortus_agents.tools.port import AskTimer, SideEffect, ToolContext, ToolDefinition, ToolOutput

_SLEEP = ToolSpec(
    name="sleep",
    description="Wait for a number of seconds.",
    parameters={
        "type": "object",
        "properties": {"seconds": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_S}},
        "required": ["seconds"],
        "additionalProperties": False,
    },
)
_WAIT_UNTIL = ToolSpec(
    name="wait_until",
    description="Wait until a time (ISO 8601 with offset, such as 2027-01-31T08:00:00Z).",
    parameters={
        "type": "object",
        "properties": {"time": {"type": "string", "minLength": 10, "maxLength": 40}},
        "required": ["time"],
        "additionalProperties": False,
    },
)


class SleepTool:
    """`sleep(seconds)`."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SLEEP, SideEffect.READ, output=Label(origin="system", trust=2))

    def wait(self, arguments: Mapping[str, Any], *, now: datetime) -> AskTimer:
        """See WaitingTool."""
        return AskTimer(now + timedelta(seconds=float(arguments["seconds"])))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002 - see Tool
        """Once the wait is over."""
        return ToolOutput(f"{arguments['seconds']:g} seconds have passed")


class WaitUntilTool:
    """`wait_until(time)`; a time that has passed is due at once."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_WAIT_UNTIL, SideEffect.READ, output=Label(origin="system", trust=2))

    def wait(self, arguments: Mapping[str, Any], *, now: datetime) -> AskTimer:
        """See WaitingTool."""
        try:
            due_at = datetime.fromisoformat(str(arguments["time"]))
        except ValueError as error:
            raise ToolRetryError(f"not an ISO 8601 time: {error}") from error
        if due_at.tzinfo is None:
            raise ToolRetryError("the time needs an offset, such as Z or +01:00")
        if due_at - now > timedelta(seconds=LONGEST_WAIT_S):
            raise ToolRetryError(f"at most {LONGEST_WAIT_S // 86_400} days ahead")
        return AskTimer(due_at.astimezone(UTC))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002 - see Tool
        """Once the wait is over."""
        return ToolOutput(f"it is {arguments['time']} now, or later")
