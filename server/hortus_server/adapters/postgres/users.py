"""Users and their memberships in PostgreSQL."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import TenantId, UserId, new_id
from hortus_server.domain.users import Member, OidcIdentity, Place, Role, User

_STATEMENTS = load_statements("users.sql")


class PostgresUsers:
    """See `UserRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(self, email: str, *, name: str, password_hash: str | None) -> User:
        """See the port."""
        user = await self._sql.one("add_user", User, id=new_id(), email=email, name=name, password_hash=password_hash)
        if user is None:
            raise ConflictError(f"there is a user {email} already")
        return user

    async def any_exists(self, *, lock: bool = False) -> bool:
        """See the port."""
        if lock:
            await self._sql.one("lock_first_user", _flag)
        return bool(await self._sql.one("any_user", _flag))

    async def get(self, user_id: UserId) -> User | None:
        """See the port."""
        return await self._sql.one("get_user", User, user_id=user_id)

    async def find(self, email: str) -> tuple[User, str | None] | None:
        """See the port."""
        return await self._sql.one("find_user", _with_hash, email=email)

    async def find_oidc(self, issuer: str, subject: str) -> User | None:
        """See the port."""
        return await self._sql.one("find_user_by_subject", User, issuer=issuer, subject=subject)

    async def bind_oidc(self, user_id: UserId, identity: OidcIdentity) -> bool:
        """See the port."""
        bound = await self._sql.count("bind_subject", user_id=user_id, issuer=identity.issuer, subject=identity.subject)
        return bool(bound)

    async def set_password(self, user_id: UserId, password_hash: str | None) -> None:
        """See the port."""
        await self._sql.count("set_password", user_id=user_id, password_hash=password_hash)

    async def set_disabled(self, user_id: UserId, *, disabled: bool) -> User | None:
        """See the port."""
        return await self._sql.one("set_user_disabled", User, user_id=user_id, disabled=disabled)


class PostgresMembers:
    """See `MemberRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def list(self, tenant_id: TenantId) -> tuple[Member, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_members", _member, tenant_id=tenant_id))

    async def get(self, tenant_id: TenantId, user_id: UserId) -> Member | None:
        """See the port."""
        await self._sql.many("lock_members", _id, tenant_id=tenant_id, user_id=user_id)
        return await self._sql.one("get_member", _member, tenant_id=tenant_id, user_id=user_id)

    async def put(self, tenant_id: TenantId, user_id: UserId, *, role: Role) -> None:
        """See the port."""
        await self._sql.count("put_member", tenant_id=tenant_id, user_id=user_id, role=role)

    async def set_disabled(self, tenant_id: TenantId, user_id: UserId, *, disabled: bool) -> None:
        """See the port."""
        await self._sql.count("set_member_disabled", tenant_id=tenant_id, user_id=user_id, disabled=disabled)

    async def remove(self, tenant_id: TenantId, user_id: UserId) -> bool:
        """See the port."""
        return bool(await self._sql.count("remove_member", tenant_id=tenant_id, user_id=user_id))

    async def count_owners(self, tenant_id: TenantId, *, except_user: UserId) -> int:
        """See the port."""
        return await self._sql.one("count_owners", _count, tenant_id=tenant_id, except_user=except_user) or 0

    async def places(self, user_id: UserId) -> tuple[Place, ...]:
        """See the port."""
        return tuple(await self._sql.many("places", Place, user_id=user_id))


def _member(
    *,
    id: UserId,  # noqa: A002 - a column's name
    user_disabled_at: datetime | None,
    user_created_at: datetime,
    **columns: Any,
) -> Member:
    user = User(
        id=id,
        email=columns.pop("email"),
        name=columns.pop("name"),
        has_password=columns.pop("has_password"),
        has_oidc=columns.pop("has_oidc"),
        disabled_at=user_disabled_at,
        created_at=user_created_at,
    )
    return Member(user=user, **columns)


def _with_hash(*, password_hash: str | None, **columns: Any) -> tuple[User, str | None]:
    return User(**columns), password_hash


def _flag(**columns: bool) -> bool:
    return any(columns.values())


def _count(*, count: int) -> int:
    return count


def _id(*, id: UserId) -> UserId:  # noqa: A002 - a column's name
    return id
