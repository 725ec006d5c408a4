"""Policies and their versions in PostgreSQL."""

from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.types.json import Jsonb

from hortus_agents.messages import JsonObject
from hortus_agents.tools.rules import PolicyRules, stored_rules
from hortus_server.adapters.postgres.paging import decode_id, encode_id, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.audit import Actor, ActorKind
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import PolicyId, TenantId, new_id
from hortus_server.domain.policies import Policy, PolicyDraft, PolicyVersion
from hortus_server.domain.records import Page
from hortus_server.ports.paging import PageRequest

T = TypeVar("T")

_STATEMENTS = load_statements("policies.sql")
_TAKEN = "another policy is in force there: give that one a new version, or disable it first"


class PostgresPolicies:
    """See `PolicyRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(self, tenant_id: TenantId, draft: PolicyDraft, *, by: Actor) -> tuple[Policy, PolicyVersion]:
        """See the port."""
        try:
            policy = await self._sql.one(
                "add_policy",
                Policy,
                id=new_id(),
                tenant_id=tenant_id,
                agent_id=draft.agent_id,
                name=draft.name,
                description=draft.description,
            )
        except UniqueViolation as error:
            raise ConflictError(_TAKEN) from error
        except ForeignKeyViolation as error:
            raise NotFoundError("agent", draft.agent_id) from error
        if policy is None:
            raise ConflictError(f"a policy named {draft.name} exists already")
        version = await self._sql.one(
            "add_first_policy_version",
            _version,
            **_written(tenant_id, policy.id, draft.rules, comment=draft.comment, by=by),
        )
        await self._sql.count("next_revision", tenant_id=tenant_id)
        return policy, _found(version, "policy", policy.id)

    async def add_version(
        self, tenant_id: TenantId, policy_id: PolicyId, rules: PolicyRules, *, comment: str, by: Actor
    ) -> PolicyVersion:
        """See the port."""
        version = await self._sql.one(
            "add_policy_version", _version, **_written(tenant_id, policy_id, rules, comment=comment, by=by)
        )
        await self._sql.count("next_revision", tenant_id=tenant_id)
        return _found(version, "policy", policy_id)

    async def pin(self, tenant_id: TenantId, policy_id: PolicyId, version: int) -> Policy:
        """See the port."""
        policy = await self._sql.one(
            "pin_policy_version", Policy, tenant_id=tenant_id, policy_id=policy_id, version=version
        )
        await self._sql.count("next_revision", tenant_id=tenant_id)
        return _found(policy, "policy version", f"{policy_id} version {version}")

    async def set_enabled(self, tenant_id: TenantId, policy_id: PolicyId, *, enabled: bool) -> Policy:
        """See the port."""
        try:
            policy = await self._sql.one(
                "enable_policy", Policy, tenant_id=tenant_id, policy_id=policy_id, enabled=enabled
            )
        except UniqueViolation as error:
            raise ConflictError(_TAKEN) from error
        await self._sql.count("next_revision", tenant_id=tenant_id)
        return _found(policy, "policy", policy_id)

    async def get(self, tenant_id: TenantId, key: PolicyId | str) -> Policy:
        """See the port."""
        if isinstance(key, UUID):
            policy = await self._sql.one("get_policy", Policy, tenant_id=tenant_id, policy_id=key)
        else:
            policy = await self._sql.one("get_policy_by_name", Policy, tenant_id=tenant_id, name=key)
        return _found(policy, "policy", key)

    async def get_version(self, tenant_id: TenantId, policy_id: PolicyId, version: int) -> PolicyVersion:
        """See the port."""
        found = await self._sql.one(
            "get_policy_version", _version, tenant_id=tenant_id, policy_id=policy_id, version=version
        )
        return _found(found, "policy version", f"{policy_id} version {version}")

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Policy]:
        """See the port."""
        policies = await self._sql.page(
            "list_policies", Policy, tenant_id=tenant_id, before=decode_id(page.cursor), rows=page.limit + 1
        )
        return to_page(policies, page.limit, lambda policy: encode_id(policy.id))

    async def list_versions(self, tenant_id: TenantId, policy_id: PolicyId, page: PageRequest) -> Page[PolicyVersion]:
        """See the port."""
        versions = await self._sql.page(
            "list_policy_versions",
            _version,
            tenant_id=tenant_id,
            policy_id=policy_id,
            before=decode_id(page.cursor),
            rows=page.limit + 1,
        )
        return to_page(versions, page.limit, lambda version: encode_id(version.id))


def _found(row: T | None, kind: str, key: object) -> T:
    if row is None:
        raise NotFoundError(kind, key)
    return row


def _written(
    tenant_id: TenantId, policy_id: PolicyId, rules: PolicyRules, *, comment: str, by: Actor
) -> dict[str, object]:
    return {
        "id": new_id(),
        "tenant_id": tenant_id,
        "policy_id": policy_id,
        "rules": Jsonb([rule.model_dump(mode="json", exclude_defaults=True) for rule in rules.rules]),
        "comment": comment,
        "made_by_kind": by.kind,
        "made_by_id": by.id,
        "made_by_name": by.name,
    }


def _version(
    *, rules: list[JsonObject], made_by_kind: ActorKind, made_by_id: str, made_by_name: str, **columns: Any
) -> PolicyVersion:
    made_by = Actor(made_by_kind, made_by_id, made_by_name)
    return PolicyVersion(rules=stored_rules(rules), made_by=made_by, **columns)
