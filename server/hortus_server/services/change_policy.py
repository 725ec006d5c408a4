"""Write policies: each change is a version or a state of its own, in the audit log, and in force with its commit."""

from dataclasses import dataclass

from hortus_agents.messages import JsonObject
from hortus_agents.tools.rules import PolicyRules
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import AgentId, PolicyId, TenantId
from hortus_server.domain.policies import Policy, PolicyDraft, PolicyVersion
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


@dataclass(frozen=True, slots=True)
class WrittenPolicy:
    """A policy with one of its versions."""

    policy: Policy
    version: PolicyVersion


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """The next version; `based_on` is the newest one that its writer had seen, where that matters."""

    rules: PolicyRules
    comment: str
    based_on: int | None = None


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """What a person with the scope `policies:write` does; agents have no way here."""

    store: Store
    tenant_id: TenantId
    actor: Actor

    async def create(self, draft: PolicyDraft, *, agent: AgentId | str | None, once: Once[WrittenPolicy]) -> Answer:
        """Version 1, for one agent or for all. Raises ConflictError, NotFoundError for an unknown agent."""

        async def make(uow: UnitOfWork) -> WrittenPolicy:
            await demand_room(uow, self.tenant_id, "policies")
            agent_id = None if agent is None else (await uow.agents.get(self.tenant_id, agent)).id
            of_agent = PolicyDraft(draft.name, draft.description, agent_id, draft.rules, draft.comment)
            policy, version = await uow.policies.add(self.tenant_id, of_agent, by=self.actor)
            await self._tell(uow, "policy.created", policy, version=1, comment=draft.comment)
            return WrittenPolicy(policy, version)

        return await create_once(self.store, self.tenant_id, once, make)

    async def add_version(self, key: PolicyId | str, draft: VersionDraft, *, once: Once[PolicyVersion]) -> Answer:
        """The next version, in force at once.

        Raises NotFoundError, and ConflictError where somebody else has written a version since `based_on`.
        """

        async def make(uow: UnitOfWork) -> PolicyVersion:
            policy = await uow.policies.get(self.tenant_id, key)
            await demand_room(uow, self.tenant_id, "policy versions", of=policy.id)
            version = await uow.policies.add_version(
                self.tenant_id, policy.id, draft.rules, comment=draft.comment, by=self.actor
            )
            if draft.based_on is not None and version.version != draft.based_on + 1:
                raise ConflictError(
                    f"version {version.version - 1} was written meanwhile: look at it, and base yours on it"
                )
            await self._tell(uow, "policy.changed", policy, version=version.version, comment=draft.comment)
            return version

        return await create_once(self.store, self.tenant_id, once, make)

    async def pin(self, key: PolicyId | str, version: int) -> Policy:
        """Roll back, or forward again. Raises NotFoundError."""
        async with self.store.transaction(self.tenant_id) as uow:
            before = await uow.policies.get(self.tenant_id, key)
            policy = await uow.policies.pin(self.tenant_id, before.id, version)
            await self._tell(uow, "policy.pinned", policy, version=version, before=before.current_version)
            return policy

    async def set_enabled(self, key: PolicyId | str, *, enabled: bool) -> Policy:
        """In force or not. Raises NotFoundError, ConflictError where another has its place."""
        async with self.store.transaction(self.tenant_id) as uow:
            found = await uow.policies.get(self.tenant_id, key)
            if (found.disabled_at is None) == enabled:
                return found
            policy = await uow.policies.set_enabled(self.tenant_id, found.id, enabled=enabled)
            await self._tell(uow, "policy.enabled" if enabled else "policy.disabled", policy)
            return policy

    async def _tell(self, uow: UnitOfWork, action: str, policy: Policy, **detail: object) -> None:
        about: JsonObject = {"name": policy.name, "agent_id": str(policy.agent_id) if policy.agent_id else None}
        entry = NewAuditEntry(self.tenant_id, self.actor, action, f"policy:{policy.id}", {**about, **detail})
        await uow.audit.append(entry)
