"""The bytes of a run's file, part by part."""

from collections.abc import AsyncIterator

from hortus_server.domain.ids import TenantId
from hortus_server.domain.run_files import RunFile
from hortus_server.ports.store import Store

PART = 256 * 1024  # bytes held at once


async def read_file(store: Store, tenant_id: TenantId, file: RunFile) -> AsyncIterator[bytes]:
    """All of them, each part by a transaction of its own, so that a slow reader holds none.

    Raises NotFoundError where retention forgets them in the meantime: the answer then breaks off before its end.
    """
    for start in range(0, file.size, PART):
        async with store.transaction(tenant_id) as uow:
            part = await uow.artifacts.part(tenant_id, file.sha256, start=start, length=PART)
        yield part
