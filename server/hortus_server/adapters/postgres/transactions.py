"""How a transaction begins: bound to one tenant by row-level security, or as the system.

Role and tenant travel in one message with BEGIN and end with the transaction, so they cost no round trip and a
connection that goes back to the pool carries nothing of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import psycopg
import structlog
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue

from hortus_server.adapters.postgres.connections import COMPONENT
from hortus_server.adapters.postgres.statements import StoreConnection
from hortus_server.domain.errors import UnavailableError

log = structlog.get_logger()

TENANT_ROLE: Final = "hortus_tenant"
NO_ROLE: Final = (
    f"the login may not act as {TENANT_ROLE}. An administrator runs: GRANT {TENANT_ROLE} TO (the login of "
    f"HORTUS_DATABASE_URL); where the role is missing, CREATE ROLE {TENANT_ROLE} NOLOGIN before that "
    "(docs/guides/database.md, roles)"
)


@asynccontextmanager
async def begun(connection: StoreConnection, tenant_id: UUID | None) -> AsyncIterator[None]:
    """A transaction of the tenant, or of the system for None. Commits, or rolls back on an exception; never nested."""
    # Unprepared and without parameters: so several statements may travel at once.
    try:
        await connection.execute(_opening(tenant_id), prepare=False)
    except (InvalidParameterValue, InsufficientPrivilege) as error:
        await connection.rollback()
        raise UnavailableError(COMPONENT, NO_ROLE) from error
    connection.is_tenants = tenant_id is not None
    try:
        yield
    except BaseException:
        try:
            await connection.rollback()
        except psycopg.OperationalError as error:
            # The connection is gone, and the transaction with it; the pool throws it away.
            log.debug("rollback_failed", error=str(error))
        raise
    await connection.commit()


def _opening(tenant_id: UUID | None) -> bytes:
    if tenant_id is None:
        return b"BEGIN"
    # SET takes no parameters; a UUID's digits and dashes cannot end a literal.
    return f"BEGIN; SET LOCAL ROLE {TENANT_ROLE}; SET LOCAL hortus.tenant = '{UUID(int=tenant_id.int)}'".encode()
