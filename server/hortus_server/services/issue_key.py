"""Issue and rotate API keys; a secret is shown once and never stored."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import InvalidInputError, NotFoundError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.keys import ApiKey, Scope
from hortus_server.domain.users import Authority
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import AuthenticateKey, secret_digest
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room

KEY_MARK = "hk_"
PREFIX_LENGTH = 11  # enough to tell keys apart in a list, far too little to guess the rest


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key before it exists."""

    name: str
    scopes: Sequence[Scope]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The stored key and the only copy of its secret."""

    key: ApiKey
    secret: str


def new_secret() -> str:
    """What a caller sends."""
    return KEY_MARK + secrets.token_urlsafe(32)


async def add_key(
    uow: UnitOfWork, tenant_id: TenantId, draft: KeyDraft, *, authority: Authority | None = None
) -> IssuedKey:
    """Make a secret and store its hash, inside the caller's transaction. Without an authority the system makes it."""
    secret = new_secret()
    key = await uow.tenants.add_key(
        tenant_id,
        name=draft.name,
        prefix=secret[:PREFIX_LENGTH],
        secret_sha256=secret_digest(secret),
        scopes=tuple(dict.fromkeys(draft.scopes)),
        expires_at=draft.expires_at,
        made_by=authority.actor.name if authority else "",
        person_id=authority.user_id if authority else None,
    )
    return IssuedKey(key, secret)


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Issue keys at most once per Idempotency-Key; a repetition shows the key without its secret."""

    store: Store
    now: Clock = utc_now

    async def __call__(
        self, authority: Authority, tenant_id: TenantId, *, draft: KeyDraft, once: Once[ApiKey]
    ) -> tuple[Answer, str | None]:
        """The answer (without the secret, so that it may be stored) and the secret unless it is a repetition.

        Raises ForbiddenError for scopes beyond the maker's own, InvalidInputError when the expiry is past, and
        ConflictError where there is no room.
        """
        authority.demand_cover(draft.scopes)
        if draft.expires_at is not None and draft.expires_at <= self.now():
            raise InvalidInputError("expires_at is in the past")
        issued: list[IssuedKey] = []

        async def make(uow: UnitOfWork) -> ApiKey:
            await demand_room(uow, tenant_id, "keys")
            made = await add_key(uow, tenant_id, draft, authority=authority)
            await uow.audit.append(key_entry(authority, made.key, "key.created"))
            issued.append(made)
            return made.key

        answer = await create_once(self.store, tenant_id, once, make)
        return answer, issued[-1].secret if issued else None


@dataclass(frozen=True, slots=True)
class RotateKey:
    """Another secret for the same key: its id, name, scopes, limits and expiry stay."""

    store: Store
    authenticate: AuthenticateKey

    async def __call__(
        self, authority: Authority, tenant_id: TenantId, key_id: KeyId, *, grace: timedelta, once: Once[ApiKey]
    ) -> tuple[Answer, str | None]:
        """The old secret works for `grace`; the answer, and the new secret unless it is a repetition.

        Raises NotFoundError, and ForbiddenError for a key beyond the caller's own: a weaker caller would learn the
        secret of a stronger key.
        """
        made: list[str] = []

        async def make(uow: UnitOfWork) -> ApiKey:
            secret = new_secret()
            key = await uow.tenants.rotate_key(
                tenant_id, key_id, prefix=secret[:PREFIX_LENGTH], secret_sha256=secret_digest(secret), grace=grace
            )
            if key is None:
                raise NotFoundError("key", key_id)
            authority.demand_cover(key.scopes)
            detail = {"grace_s": round(grace.total_seconds())}
            await uow.audit.append(key_entry(authority, key, "key.rotated", **detail))
            made.append(secret)
            return key

        answer = await create_once(self.store, tenant_id, once, make)
        self.authenticate.forget(key_id)
        return answer, made[-1] if made else None


def key_entry(authority: Authority, key: ApiKey, action: str, **detail: int) -> NewAuditEntry:
    """What happened to a key, for the audit log."""
    about = {"name": key.name, "prefix": key.prefix, "scopes": list(key.scopes), **detail}
    return NewAuditEntry(key.tenant_id, authority.actor, action, f"key:{key.id}", dict(about))
