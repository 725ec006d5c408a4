"""What services need of agents and their versions."""

from typing import Protocol

from hortus_agents.spec import AgentSpec
from hortus_server.domain.ids import AgentId, SessionId, TenantId
from hortus_server.domain.records import Agent, AgentVersion, Page
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending


class AgentRepository(Protocol):
    """Agents and their immutable versions."""

    async def add(
        self, tenant_id: TenantId, *, name: str, description: str, spec: AgentSpec
    ) -> tuple[Agent, AgentVersion]:
        """A new agent with version 1. Raises ConflictError when the name is taken."""
        ...

    async def add_version(self, tenant_id: TenantId, agent_id: AgentId, spec: AgentSpec) -> AgentVersion:
        """The next version, made current. Raises NotFoundError."""
        ...

    async def pin(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> Agent:
        """Make an existing version current (roll back, roll forward). Raises NotFoundError."""
        ...

    def get(self, tenant_id: TenantId, key: AgentId | str) -> Pending[Agent]:
        """By id or by name. Raises NotFoundError."""
        ...

    def of_session(self, tenant_id: TenantId, session_id: SessionId) -> Pending[Agent]:
        """The agent that a session is held with. Raises NotFoundError for the session."""
        ...

    async def get_version(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> AgentVersion:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Agent]:
        """Newest first."""
        ...

    async def list_versions(self, tenant_id: TenantId, agent_id: AgentId, page: PageRequest) -> Page[AgentVersion]:
        """Newest first."""
        ...
