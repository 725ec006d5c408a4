"""What services need of policies: their versions, and what decides about a call now."""

from datetime import timedelta
from typing import Protocol

from hortus_agents.tools.rules import PolicyRules
from hortus_server.domain.audit import Actor
from hortus_server.domain.ids import AgentId, PolicyId, RunId, TenantId
from hortus_server.domain.policies import PastCall, PoliciesInForce, Policy, PolicyDraft, PolicyVersion, RateUse
from hortus_server.domain.records import Page
from hortus_server.ports.paging import PageRequest


class PolicyRepository(Protocol):
    """Policies and their immutable versions. Every change gives the tenant's policies their next revision."""

    async def add(self, tenant_id: TenantId, draft: PolicyDraft, *, by: Actor) -> tuple[Policy, PolicyVersion]:
        """Version 1, in force at once.

        Raises ConflictError when the name is taken or the agent (or the tenant) has a policy already, NotFoundError
        for an agent of nobody.
        """
        ...

    async def add_version(
        self, tenant_id: TenantId, policy_id: PolicyId, rules: PolicyRules, *, comment: str, by: Actor
    ) -> PolicyVersion:
        """The next version, made current. Raises NotFoundError."""
        ...

    async def pin(self, tenant_id: TenantId, policy_id: PolicyId, version: int) -> Policy:
        """Make an existing version current. Raises NotFoundError."""
        ...

    async def set_enabled(self, tenant_id: TenantId, policy_id: PolicyId, *, enabled: bool) -> Policy:
        """Put it in force or out of it. Raises NotFoundError, ConflictError when another has its place."""
        ...

    async def get(self, tenant_id: TenantId, key: PolicyId | str) -> Policy:
        """By id or by name. Raises NotFoundError."""
        ...

    async def get_version(self, tenant_id: TenantId, policy_id: PolicyId, version: int) -> PolicyVersion:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Policy]:
        """Newest first."""
        ...

    async def list_versions(self, tenant_id: TenantId, policy_id: PolicyId, page: PageRequest) -> Page[PolicyVersion]:
        """Newest first."""
        ...


class RulingRepository(Protocol):
    """What decides about calls, and what was decided on."""

    async def in_force(self, tenant_id: TenantId, agent_id: AgentId | None) -> PoliciesInForce:
        """An agent's policy before its tenant's, as of one moment."""
        ...

    async def use_rate(self, tenant_id: TenantId, use: RateUse) -> float | None:
        """Count a call, exactly, over all workers: None, or the seconds until there is room for it."""
        ...

    async def past_calls(self, tenant_id: TenantId, *, run_id: RunId | None, limit: int) -> tuple[PastCall, ...]:
        """The last tool calls, newest first: of one run, or of the tenant's last 500 runs."""
        ...

    async def purge_rates(self, *, older_than: timedelta) -> int:
        """Forget counters that nobody has used since, of all tenants."""
        ...
