"""Logins, one-time links and counted failures in PostgreSQL."""

from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import InvitationId, LoginId, TenantId, UserId, new_id
from hortus_server.domain.users import Invitation, LinkPurpose, LiveLogin, Login, LoginMethod, Maker, Role, Visitor

_STATEMENTS = load_statements("logins.sql")


class PostgresLogins:
    """See `LoginRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(
        self,
        user_id: UserId,
        tenant_id: TenantId,
        *,
        secret_sha256: bytes,
        method: LoginMethod,
        visitor: Visitor,
        expires_at: datetime,
    ) -> Login:
        """See the port."""
        login = await self._sql.one(
            "add_login",
            Login,
            id=new_id(),
            user_id=user_id,
            tenant_id=tenant_id,
            secret_sha256=secret_sha256,
            method=method,
            device=visitor.device,
            address=visitor.address,
            expires_at=expires_at,
        )
        if login is None:
            raise NotFoundError("user", user_id)
        return login

    async def find(self, secret_sha256: bytes, *, idle: timedelta) -> LiveLogin | None:
        """See the port."""
        found = await self._sql.one("find_login", _live, secret_sha256=secret_sha256, idle=idle)
        if found is not None:
            await self._sql.count("touch_login", login_id=found.login.id)
        return found

    async def move(self, login_id: LoginId, tenant_id: TenantId, *, secret_sha256: bytes) -> Login | None:
        """See the port."""
        return await self._sql.one(
            "move_login", Login, login_id=login_id, tenant_id=tenant_id, secret_sha256=secret_sha256
        )

    async def list(self, user_id: UserId, *, idle: timedelta) -> tuple[Login, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_logins", Login, user_id=user_id, idle=idle))

    async def end(self, user_id: UserId, login_id: LoginId) -> bool:
        """See the port."""
        return bool(await self._sql.count("end_login", user_id=user_id, login_id=login_id))

    async def end_all(self, user_id: UserId, *, tenant_id: TenantId | None = None, spare: LoginId | None = None) -> int:
        """See the port."""
        return await self._sql.count("end_logins", user_id=user_id, tenant_id=tenant_id, spare=spare)

    async def purge(self, *, limit: int) -> int:
        """See the port."""
        return await self._sql.count("purge_logins", rows=limit)


class PostgresInvitations:
    """See `InvitationRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(
        self,
        tenant_id: TenantId,
        *,
        purpose: LinkPurpose,
        email: str,
        role: Role,
        secret_sha256: bytes,
        maker: Maker,
        expires_at: datetime,
    ) -> Invitation:
        """See the port."""
        await self._sql.count("revoke_links", tenant_id=tenant_id, purpose=purpose, email=email)
        invitation = await self._sql.one(
            "add_invitation",
            Invitation,
            id=new_id(),
            tenant_id=tenant_id,
            purpose=purpose,
            email=email,
            role=role,
            secret_sha256=secret_sha256,
            made_by=maker.name,
            maker_id=maker.user_id,
            expires_at=expires_at,
        )
        if invitation is None:
            raise NotFoundError("tenant", tenant_id)
        return invitation

    async def find(self, secret_sha256: bytes, *, lock: bool = False) -> Invitation | None:
        """See the port."""
        if lock:
            return await self._sql.one("lock_invitation", Invitation, secret_sha256=secret_sha256)
        return await self._sql.one("find_invitation", Invitation, secret_sha256=secret_sha256)

    async def open_for(self, email: str) -> tuple[Invitation, ...]:
        """See the port."""
        return tuple(await self._sql.many("open_invitations", Invitation, email=email))

    async def use(self, invitation_id: InvitationId) -> None:
        """See the port."""
        await self._sql.count("use_invitation", invitation_id=invitation_id)

    async def list(self, tenant_id: TenantId) -> tuple[Invitation, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_invitations", Invitation, tenant_id=tenant_id))

    async def revoke(self, tenant_id: TenantId, invitation_id: InvitationId) -> Invitation | None:
        """See the port."""
        return await self._sql.one("revoke_invitation", Invitation, tenant_id=tenant_id, invitation_id=invitation_id)


class PostgresFailures:
    """See `FailureRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def charge(self, subject_sha256: bytes, *, window: timedelta) -> tuple[int, float]:
        """See the port."""
        await self._sql.count("purge_failures")
        counted = await self._sql.one("charge_failure", _counted, subject_sha256=subject_sha256, window=window)
        return counted or (0, 0.0)

    async def forgive(self, subject_sha256: bytes, *, all_of_them: bool) -> None:
        """See the port."""
        await self._sql.count("forgive_failure", subject_sha256=subject_sha256, all_of_them=all_of_them)


def _live(*, email: str, name: str, role: Role, tenant_operates: bool, **columns: Any) -> LiveLogin:
    return LiveLogin(Login(**columns), email, name, role, tenant_operates)


def _counted(*, failures: int, left_s: float) -> tuple[int, float]:
    return failures, left_s
