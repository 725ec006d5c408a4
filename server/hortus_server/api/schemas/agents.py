"""Agents and their versions, as sent and received."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from hortus_agents.spec import AgentSpec
from hortus_server.api.schemas.wire import Body, Name, PageView, View
from hortus_server.domain.records import Agent, AgentVersion
from hortus_server.services.create_agent import NewAgent

SPEC_EXAMPLE: JsonDict = {
    "instructions": "You convert numbers. Be brief.",
    "tools": ["recall", "calculate", "python", "request_capability"],
    "limits": {"steps": 12, "tokens": 60_000},
}


class AgentCreate(Body):
    """A new agent; what `spec` leaves out takes its default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "converter", "description": "Numbers", "spec": SPEC_EXAMPLE}]}
    )

    name: Name
    description: str = Field(default="", max_length=1000)
    spec: AgentSpec = AgentSpec()


class AgentVersionCreate(Body):
    """The next version, whole: nothing is inherited from the one before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"spec": SPEC_EXAMPLE}]})

    spec: AgentSpec


class AgentPin(Body):
    """Which version new runs use."""

    version: int = Field(ge=1, le=2_147_483_647, examples=[1])


class AgentView(View):
    """A named line of versions."""

    id: UUID
    name: str
    description: str
    current_version: int = Field(description="version that new runs use")
    created_at: datetime
    updated_at: datetime


class AgentVersionView(View):
    """One immutable definition."""

    id: UUID
    agent_id: UUID
    version: int
    spec: AgentSpec
    created_at: datetime


class AgentDetailView(AgentView):
    """An agent with the definition that new runs use."""

    spec: AgentSpec

    @classmethod
    def of(cls, agent: Agent, spec: AgentSpec) -> "AgentDetailView":
        """Join the two records."""
        return cls(**AgentView.model_validate(agent).model_dump(), spec=spec)


def new_agent_json(new: NewAgent) -> dict[str, Any]:
    """A fresh agent as it is sent."""
    return AgentDetailView.of(new.agent, new.version.spec).model_dump(mode="json")


def version_json(version: AgentVersion) -> dict[str, Any]:
    """A version as it is sent."""
    return AgentVersionView.model_validate(version).model_dump(mode="json")


class FieldChangeView(View):
    """One leaf of the definition that differs; absent sides are null."""

    path: str = Field(examples=["memory.recall_limit"])
    before: Any
    after: Any


class AgentDiffView(View):
    """What changed between two versions, by path."""

    before: int
    after: int
    changes: tuple[FieldChangeView, ...]


class AgentPage(PageView[AgentView]):
    """Agents, newest first."""


class AgentVersionPage(PageView[AgentVersionView]):
    """Versions, newest first."""
