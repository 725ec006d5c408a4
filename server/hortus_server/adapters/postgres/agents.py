"""Agents and their versions in PostgreSQL."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_agents.spec import AgentSpec
from hortus_server.adapters.postgres.paging import decode_id, encode_id, to_page
from hortus_server.adapters.postgres.rows import SpecCache, expected
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import AgentId, SessionId, TenantId, new_id
from hortus_server.domain.records import Agent, AgentVersion, Page
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("agents.sql")


class PostgresAgents:
    """See `AgentRepository`."""

    def __init__(self, connection: AsyncConnection[Any], specs: SpecCache) -> None:
        self._sql = Executor(connection, _STATEMENTS)
        self._specs = specs
        self._made = False  # whether this transaction made a version, whose number is not certain before its commit

    async def add(
        self, tenant_id: TenantId, *, name: str, description: str, spec: AgentSpec
    ) -> tuple[Agent, AgentVersion]:
        """See the port."""
        self._made = True
        agent = await self._sql.one(
            "add_agent", Agent, id=new_id(), tenant_id=tenant_id, name=name, description=description
        )
        if agent is None:
            raise ConflictError(f"an agent named {name} exists already")
        version = await self._sql.one(
            "add_first_version",
            self._specs.agent_version,
            id=new_id(),
            tenant_id=tenant_id,
            agent_id=agent.id,
            spec=Jsonb(spec.model_dump(mode="json")),
        )
        if version is None:
            raise NotFoundError("agent", agent.id)
        return agent, version

    async def add_version(self, tenant_id: TenantId, agent_id: AgentId, spec: AgentSpec) -> AgentVersion:
        """See the port."""
        self._made = True
        version = await self._sql.one(
            "add_next_version",
            self._specs.agent_version,
            id=new_id(),
            tenant_id=tenant_id,
            agent_id=agent_id,
            spec=Jsonb(spec.model_dump(mode="json")),
        )
        if version is None:
            raise NotFoundError("agent", agent_id)
        return version

    async def pin(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> Agent:
        """See the port."""
        agent = await self._sql.one("pin_version", Agent, tenant_id=tenant_id, agent_id=agent_id, version=version)
        if agent is None:
            raise NotFoundError("agent version", f"{agent_id} version {version}")
        return agent

    def get(self, tenant_id: TenantId, key: AgentId | str) -> Pending[Agent]:
        """See the port."""
        if isinstance(key, UUID):
            agent = self._sql.one("get_agent", Agent, tenant_id=tenant_id, agent_id=key)
        else:
            agent = self._sql.one("get_agent_by_name", Agent, tenant_id=tenant_id, name=key)
        return agent.map(expected("agent", key))

    def of_session(self, tenant_id: TenantId, session_id: SessionId) -> Pending[Agent]:
        """See the port."""
        agent = self._sql.one("get_agent_of_session", Agent, tenant_id=tenant_id, session_id=session_id)
        return agent.map(expected("session", session_id))

    async def get_version(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> AgentVersion:
        """See the port. No statement for a version that was read before: it never changes."""
        found = self._specs.known(tenant_id, agent_id, version)
        if found is not None:
            return found
        found = await self._sql.one(
            "get_version", self._specs.agent_version, tenant_id=tenant_id, agent_id=agent_id, version=version
        )
        if found is None:
            raise NotFoundError("agent version", f"{agent_id} version {version}")
        if not self._made:
            self._specs.remember(found)
        return found

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Agent]:
        """See the port."""
        agents = await self._sql.page(
            "list_agents", Agent, tenant_id=tenant_id, before=decode_id(page.cursor), rows=page.limit + 1
        )
        return to_page(agents, page.limit, lambda agent: encode_id(agent.id))

    async def list_versions(self, tenant_id: TenantId, agent_id: AgentId, page: PageRequest) -> Page[AgentVersion]:
        """See the port."""
        versions = await self._sql.page(
            "list_versions",
            self._specs.agent_version,
            tenant_id=tenant_id,
            agent_id=agent_id,
            before=decode_id(page.cursor),
            rows=page.limit + 1,
        )
        return to_page(versions, page.limit, lambda version: encode_id(version.id))
