"""All users of the installation in PostgreSQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_id, encode_id, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import TenantId, UserId
from hortus_server.domain.keys import ApiKey, Scope
from hortus_server.domain.records import Page
from hortus_server.domain.users import Person, User
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("everyone.sql")


class PostgresEveryone:
    """See `EveryoneRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def list(self, page: PageRequest, *, email: str = "") -> Page[Person]:
        """See the port."""
        found = await self._sql.page(
            "list_everyone", _person, before=decode_id(page.cursor), email=email, rows=page.limit + 1
        )
        return to_page(found, page.limit, lambda person: encode_id(person.user.id))

    async def get(self, user_id: UserId) -> Person | None:
        """See the port."""
        return await self._sql.one("get_anyone", _person, user_id=user_id)

    async def owned_alone(self, user_id: UserId) -> tuple[str, ...]:
        """See the port. The statement after the lock sees what those before it committed."""
        await self._sql.many("lock_ownerships", _id, user_id=user_id)
        return tuple(await self._sql.many("owned_alone", _name, user_id=user_id))

    async def tenants(self, user_id: UserId) -> tuple[TenantId, ...]:
        """See the port."""
        return tuple(TenantId(one) for one in await self._sql.many("member_of", _id, user_id=user_id))

    async def end_keys(
        self, user_id: UserId, *, tenant_id: TenantId | None = None, kept: Collection[Scope] | None = None
    ) -> tuple[ApiKey, ...]:
        """See the port."""
        scopes = None if kept is None else list(kept)
        return tuple(
            await self._sql.many("end_keys_of", rows.api_key, user_id=user_id, tenant_id=tenant_id, kept=scopes)
        )

    async def end_links(self, user_id: UserId, *, made_in: TenantId | None = None) -> int:
        """See the port."""
        if made_in is None:
            return await self._sql.count("end_links_of", user_id=user_id)
        return await self._sql.count("end_links_by", user_id=user_id, tenant_id=made_in)


def _person(*, tenants: int, keys: int, last_seen_at: datetime | None, **columns: Any) -> Person:
    return Person(User(**columns), tenants, keys, last_seen_at)


def _id(*, id: Any) -> Any:  # noqa: A002 - a column's name
    return id


def _name(*, name: str) -> str:
    return name
