"""Secrets, as sent and received: values go in and never come out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr

from hortus_server.api.schemas.wire import Body, PageView, View, agent_of
from hortus_server.domain.secrets import LONGEST, MOST_HOSTS, SHORTEST
from hortus_server.services.keep_secrets import SecretTerms

Host = Annotated[str, Field(min_length=1, max_length=260)]


class SecretChange(Body):
    """Where a secret may be sent and who may use it; fields that are left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hosts": ["api.example.org"]}]})

    hosts: tuple[Host, ...] | None = Field(
        default=None,
        max_length=MOST_HOSTS,
        description=(
            "all that it may be sent to: `name` for the scheme's own port, or `name:port`; `*` alone is any host that "
            "an agent's definition names, an empty list none. A new secret needs them"
        ),
    )
    description: str | None = Field(default=None, max_length=500)
    agent: str | None = Field(
        default=None, min_length=1, max_length=200, description="id or name: only this agent may use it; null: all"
    )

    def terms(self) -> SecretTerms:
        """As the service takes them."""
        return SecretTerms(
            hosts=self.hosts,
            description=self.description,
            agent=agent_of(self.agent) if self.agent else None,
            every_agent="agent" in self.model_fields_set and self.agent is None,
        )


class SecretWrite(SecretChange):
    """A value to be sealed; what else is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": "...", "hosts": ["api.example.org"], "description": "CI's token"}]}
    )

    value: SecretStr = Field(
        min_length=SHORTEST, max_length=LONGEST, description="no line breaks, no blanks at its ends; never read back"
    )


class SecretView(View):
    """A secret without its value."""

    id: UUID
    name: str
    description: str
    hosts: tuple[str, ...] = Field(description="all that it may be sent to; `*`: any host that a definition names")
    agent_id: UUID | None = Field(description="the only agent that may use it; null: every one that names it")
    version: int = Field(description="counts how often it was set")
    used_by: tuple[str, ...] = Field(description="agents whose current version names it, at most 20")
    created_at: datetime
    updated_at: datetime


class SecretPage(PageView[SecretView]):
    """Secrets, newest first."""
