"""How a transaction begins: bound to one tenant by row-level security, or as the system.

BEGIN, role and tenant travel with the first statement, and COMMIT with what was queued last. Role and tenant end with
the transaction, so that a connection that goes back to the pool carries nothing of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import structlog
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue

from hortus_server.adapters.postgres.connections import COMPONENT, CONNECTION_LOST
from hortus_server.adapters.postgres.messages import Messages, StoreConnection
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
    messages = connection.messages
    messages.begin(_opening(tenant_id), is_tenants=tenant_id is not None)
    try:
        yield
        await messages.commit()
    except BaseException as error:
        await _roll_back(messages)
        if isinstance(error, InvalidParameterValue | InsufficientPrivilege) and not await _may_begin(
            messages, tenant_id
        ):
            raise UnavailableError(COMPONENT, NO_ROLE) from error
        raise


async def _roll_back(messages: Messages) -> None:
    try:
        await messages.roll_back()
    except CONNECTION_LOST as error:
        # The connection is gone, and the transaction with it; the pool throws it away.
        log.debug("rollback_failed", error=str(error))


async def _may_begin(messages: Messages, tenant_id: UUID | None) -> bool:
    """Whether it was what the transaction asked for that was refused, and not the transaction itself."""
    messages.begin(_opening(tenant_id), is_tenants=tenant_id is not None)
    try:
        await messages.send()
    except (InvalidParameterValue, InsufficientPrivilege):
        return False
    finally:
        await _roll_back(messages)
    return True


def _opening(tenant_id: UUID | None) -> tuple[bytes, ...]:
    if tenant_id is None:
        return (b"BEGIN",)
    # SET takes no parameters; a UUID's digits and dashes cannot end a literal.
    tenant = f"SET LOCAL hortus.tenant = '{UUID(int=tenant_id.int)}'"
    return (b"BEGIN", f"SET LOCAL ROLE {TENANT_ROLE}".encode(), tenant.encode())
