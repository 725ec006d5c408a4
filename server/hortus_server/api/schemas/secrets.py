"""Secrets, as sent and received: values go in and never come out."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr

from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.secrets import LONGEST, SHORTEST


class SecretWrite(Body):
    """A value to be sealed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "...", "description": "CI's token"}]})

    value: SecretStr = Field(
        min_length=SHORTEST, max_length=LONGEST, description="no line breaks, no blanks at its ends; never read back"
    )
    description: str | None = Field(default=None, max_length=500, description="left out: as it is")
    agent: str | None = Field(
        default=None, min_length=1, max_length=200, description="id or name: only this agent may use it; null: all"
    )


class SecretView(View):
    """A secret without its value."""

    id: UUID
    name: str
    description: str
    agent_id: UUID | None = Field(description="the only agent that may use it; null: every one that names it")
    version: int = Field(description="counts how often it was set")
    used_by: tuple[str, ...] = Field(description="agents whose current version names it, at most 20")
    created_at: datetime
    updated_at: datetime


class SecretPage(PageView[SecretView]):
    """Secrets, newest first."""
