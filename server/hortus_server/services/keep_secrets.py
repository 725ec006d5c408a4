"""Set and delete secrets; nothing reads a value back."""

from dataclasses import dataclass, field

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError, UnavailableError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.secrets import MOST, Secret, check_name, check_value, sealing_place
from hortus_server.ports.secrets import Sealer
from hortus_server.ports.store import Store
from hortus_server.services.reveal_secrets import RevealedSecrets


@dataclass(frozen=True, slots=True)
class SecretDraft:
    """A secret to be set; `agent` restricts it to one agent, `description` None keeps what there is."""

    name: str
    value: str
    description: str | None = None
    agent: AgentId | str | None = None


@dataclass(frozen=True, slots=True)
class KeepSecrets:
    """Seals what it is given, and forgets it."""

    store: Store
    sealer: Sealer | None
    revealed: RevealedSecrets = field(default_factory=RevealedSecrets)

    async def set(self, tenant_id: TenantId, draft: SecretDraft, *, by: Actor) -> Secret:
        """Make the secret, or give it a new version; calls that begin from now on use it.

        Raises InvalidInputError for a name or value that is none, NotFoundError for an unknown agent, ConflictError
        for one secret too many, and UnavailableError where this server has no key to seal with.
        """
        name, value = check_name(draft.name), check_value(draft.value)
        # Whatever goes wrong from here on is told without it.
        self.revealed.note(tenant_id, [value])
        if self.sealer is None:
            raise UnavailableError("secrets", "this server has no key for secrets (HORTUS_SECRETS_KEY)")
        async with self.store.transaction(tenant_id) as uow:
            agent_id = None if draft.agent is None else (await uow.agents.get(tenant_id, draft.agent)).id
            secret = await uow.secrets.claim(tenant_id, name=name, description=draft.description, agent_id=agent_id)
            if secret.version == 1 and await uow.secrets.count(tenant_id) > MOST:
                raise ConflictError(f"a tenant keeps at most {MOST} secrets; delete one that nothing uses")
            place = sealing_place(tenant_id, secret.id, secret.version)
            await uow.secrets.store(secret, self.sealer.seal(value, place))
            detail = {
                "name": name,
                "version": secret.version,
                "key_id": self.sealer.key_id,
                "agent_id": str(agent_id) if agent_id else None,
            }
            await uow.audit.append(NewAuditEntry(tenant_id, by, "secret.set", f"secret:{secret.id}", detail))
            return await uow.secrets.get(tenant_id, name)

    async def delete(self, tenant_id: TenantId, name: str, *, by: Actor) -> None:
        """Calls that need it fail from now on. Raises NotFoundError."""
        async with self.store.transaction(tenant_id) as uow:
            secret = await uow.secrets.delete(tenant_id, name)
            detail = {"name": name, "version": secret.version}
            await uow.audit.append(NewAuditEntry(tenant_id, by, "secret.deleted", f"secret:{secret.id}", detail))
