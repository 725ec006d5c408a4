"""Where logs end, for many readers at once."""

import asyncio
from dataclasses import dataclass, field

from hortus_server.domain.errors import HortusError, NotFoundError
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.store import Store

WINDOW_S = 0.1

_Key = tuple[TenantId, SessionId]


@dataclass(slots=True)
class ReadHeads:
    """One per process and event loop: all who ask within `window_s` of each other share one query.

    What idle streams cost the database then does not grow with their number.
    """

    store: Store
    window_s: float = WINDOW_S
    _asked: dict[_Key, "asyncio.Future[int | None]"] = field(default_factory=dict)
    _look: "asyncio.Task[None] | None" = None

    async def __call__(self, tenant_id: TenantId, session_id: SessionId) -> int:
        """The number of the session's last event. Raises NotFoundError, and UnavailableError without PostgreSQL."""
        key = (tenant_id, session_id)
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = asyncio.get_running_loop().create_future()
        if self._look is None:
            self._look = asyncio.create_task(self._look_soon())
        head = await asyncio.shield(future)
        if head is None:
            raise NotFoundError("session", session_id)
        return head

    async def _look_soon(self) -> None:
        await asyncio.sleep(self.window_s)
        asked, self._asked, self._look = self._asked, {}, None
        try:
            async with self.store.system_transaction() as uow:
                heads = await uow.sessions.heads(tuple(asked))
        except HortusError as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # seen, even where all who asked have left meanwhile
        else:
            for key, future in asked.items():
                future.set_result(heads.get(key))
        finally:
            for future in asked.values():
                future.cancel()
