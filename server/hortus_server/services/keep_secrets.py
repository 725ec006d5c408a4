"""Set, change and delete secrets; nothing reads a value back."""

from dataclasses import dataclass, field

from hortus_agents.messages import JsonObject
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.secrets import MOST, Secret, check_hosts, check_name, check_value, sealing_place
from hortus_server.ports.secrets import Sealer
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.reveal_secrets import RevealedSecrets

HOSTS_MISSING = "`hosts` is missing: a new secret names the hosts that it may be sent to, or says `*` for any"


@dataclass(frozen=True, slots=True)
class SecretTerms:
    """Where a secret may be sent and who may use it; None keeps what there is.

    `agent` restricts it to one agent, `every_agent` lifts that.
    """

    hosts: tuple[str, ...] | None = None
    description: str | None = None
    agent: AgentId | str | None = None
    every_agent: bool = False


@dataclass(frozen=True, slots=True)
class SecretDraft:
    """A secret to be set; a new one needs hosts."""

    name: str
    value: str
    terms: SecretTerms = SecretTerms()


@dataclass(frozen=True, slots=True)
class KeepSecrets:
    """Seals what it is given, and forgets it."""

    store: Store
    sealer: Sealer | None
    revealed: RevealedSecrets = field(default_factory=RevealedSecrets)

    async def set(self, tenant_id: TenantId, draft: SecretDraft, *, by: Actor) -> Secret:
        """Make the secret, or give it a new version; calls that begin from now on use it.

        Raises InvalidInputError for a name, value or host that is none and for a new secret without hosts,
        NotFoundError for an unknown agent, ConflictError for one secret too many, and UnavailableError where this
        server has no key to seal with.
        """
        name, value = check_name(draft.name), check_value(draft.value)
        # Whatever goes wrong from here on is told without it.
        self.revealed.note(tenant_id, [value])
        if self.sealer is None:
            raise UnavailableError("secrets", "this server has no key for secrets (HORTUS_SECRETS_KEY)")
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.secrets.hold(tenant_id, name)
            if before is None and draft.terms.hosts is None:
                raise InvalidInputError(HOSTS_MISSING)
            hosts, description, agent_id = await _settled(uow, tenant_id, before, draft.terms)
            secret = await uow.secrets.claim(
                tenant_id, name=name, description=description, agent_id=agent_id, hosts=hosts
            )
            if secret.version == 1 and await uow.secrets.count(tenant_id) > MOST:
                raise ConflictError(f"a tenant keeps at most {MOST} secrets; delete one that nothing uses")
            place = sealing_place(tenant_id, secret.id, secret.version)
            await uow.secrets.store(secret, self.sealer.seal(value, place))
            await _note(uow, secret, "set", by, {"key_id": self.sealer.key_id})
            await _note_wider(uow, secret, before, by)
            return await uow.secrets.get(tenant_id, name)

    async def change(self, tenant_id: TenantId, name: str, terms: SecretTerms, *, by: Actor) -> Secret:
        """Change all but the value; calls that begin from now on are held to it.

        Raises NotFoundError for an unknown secret or agent, and InvalidInputError for a host that is none.
        """
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.secrets.hold(tenant_id, name)
            if before is None:
                raise NotFoundError("secret", name)
            hosts, description, agent_id = await _settled(uow, tenant_id, before, terms)
            secret = await uow.secrets.change(
                tenant_id, name=name, description=description, agent_id=agent_id, hosts=hosts
            )
            await _note(uow, secret, "changed", by, {"hosts_before": list(before.hosts)})
            await _note_wider(uow, secret, before, by)
            return await uow.secrets.get(tenant_id, name)

    async def delete(self, tenant_id: TenantId, name: str, *, by: Actor) -> None:
        """Calls that need it fail from now on. Raises NotFoundError."""
        async with self.store.transaction(tenant_id) as uow:
            secret = await uow.secrets.delete(tenant_id, name)
            detail = {"name": name, "version": secret.version}
            await uow.audit.append(NewAuditEntry(tenant_id, by, "secret.deleted", f"secret:{secret.id}", detail))


async def _settled(
    uow: UnitOfWork, tenant_id: TenantId, before: Secret | None, terms: SecretTerms
) -> tuple[tuple[str, ...], str, AgentId | None]:
    """Hosts, description and agent, of which what is not given stays as it is."""
    hosts = () if before is None else before.hosts
    if terms.hosts is not None:
        hosts = check_hosts(terms.hosts)
    description = terms.description
    if description is None:
        description = "" if before is None else before.description
    if terms.agent is not None:
        return hosts, description, (await uow.agents.get(tenant_id, terms.agent)).id
    return hosts, description, None if before is None or terms.every_agent else before.agent_id


async def _note(uow: UnitOfWork, secret: Secret, act: str, by: Actor, more: JsonObject) -> None:
    detail = {
        "name": secret.name,
        "version": secret.version,
        "hosts": list(secret.hosts),
        "agent_id": str(secret.agent_id) if secret.agent_id else None,
        **more,
    }
    await uow.audit.append(NewAuditEntry(secret.tenant_id, by, f"secret.{act}", f"secret:{secret.id}", detail))


async def _note_wider(uow: UnitOfWork, secret: Secret, before: Secret | None, by: Actor) -> None:
    """An entry of its own, which can be watched for: the secret may go where it could not go before."""
    if before is not None and secret.wider_than(before):
        was = {
            "hosts_before": list(before.hosts),
            "agent_id_before": str(before.agent_id) if before.agent_id else None,
        }
        await _note(uow, secret, "widened", by, was)
