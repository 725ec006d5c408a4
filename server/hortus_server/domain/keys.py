"""Tenants, the keys that open them, and what a key may do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_server.domain.ids import KeyId, TenantId

Scope = Literal[
    "admin", "agents:read", "agents:write", "sessions:read", "sessions:write", "runs:read", "runs:write", "stops:write",
    "tools:read", "tools:write", "memories:read", "memories:write",
    "schedules:read", "schedules:write", "webhooks:read", "webhooks:write",
    "approvals:read", "approvals:decide",
    "policies:read", "policies:write", "secrets:read", "secrets:write", "audit:read", "users:read", "users:write",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tenant:
    """Owner of everything else. Administrators of the one that `operates` run the installation."""

    id: TenantId
    name: str
    created_at: datetime
    disabled_at: datetime | None = None
    operates: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Credential of an application; only the hash of its secret is stored.

    `made_by` names its maker as the audit log does; `person_id` is the user behind it, if a user made it. After a
    rotation the secret before it works until `previous_until`. What a tenant is stands beside the key that opens it.
    """

    id: KeyId
    tenant_id: TenantId
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    made_by: str = ""
    person_id: UUID | None = None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None
    tenant_disabled: bool = False
    tenant_operates: bool = False
