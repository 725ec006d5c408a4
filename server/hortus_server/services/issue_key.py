"""Issue an API key; its secret is shown once and never stored."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import ApiKey, Scope
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import utc_now
from hortus_server.services.create_once import Answer, Once, create_once

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


async def add_key(uow: UnitOfWork, tenant_id: TenantId, draft: KeyDraft) -> IssuedKey:
    """Make a secret and store its hash, inside the caller's transaction."""
    secret = KEY_MARK + secrets.token_urlsafe(32)
    key = await uow.tenants.add_key(
        tenant_id,
        name=draft.name,
        prefix=secret[:PREFIX_LENGTH],
        secret_sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=tuple(dict.fromkeys(draft.scopes)),
        expires_at=draft.expires_at,
    )
    return IssuedKey(key, secret)


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Issue keys at most once per Idempotency-Key; a repetition shows the key without its secret."""

    store: Store
    now: Callable[[], datetime] = utc_now

    async def __call__(self, tenant_id: TenantId, *, draft: KeyDraft, once: Once[ApiKey]) -> tuple[Answer, str | None]:
        """The answer (without the secret, so that it may be stored) and the secret unless it is a repetition.

        Raises InvalidInputError when the expiry is past.
        """
        if draft.expires_at is not None and draft.expires_at <= self.now():
            raise InvalidInputError("expires_at is in the past")
        issued: list[IssuedKey] = []

        async def make(uow: UnitOfWork) -> ApiKey:
            issued.append(await add_key(uow, tenant_id, draft))
            return issued[-1].key

        answer = await create_once(self.store, tenant_id, once, make)
        return answer, issued[-1].secret if issued else None
