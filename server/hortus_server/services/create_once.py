"""Creates that happen at most once per Idempotency-Key, in the transaction of what they create."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hortus_server.domain.ids import TenantId
from hortus_server.ports.store import Store, UnitOfWork

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Once(Generic[T]):
    """How a create is told apart from its repetition, and how its answer is written down.

    `key` None means that the caller did not ask for it. `route` and `body_sha256` bind the key to one request.
    """

    key: str | None
    route: str
    body_sha256: bytes
    status: int
    render: Callable[[T], Mapping[str, Any]]

    def of(self, pick: Callable[[U], T]) -> "Once[U]":
        """The same for a create that makes something of which `pick` takes what is rendered."""
        render = self.render
        return Once(self.key, self.route, self.body_sha256, self.status, lambda made: render(pick(made)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: the same bytes' worth for the first request and for each repetition."""

    status: int
    body: Mapping[str, Any]
    replayed: bool


async def create_once(
    store: Store,
    tenant_id: TenantId,
    once: Once[T],
    make: Callable[[UnitOfWork], Awaitable[T]],
    *,
    as_system: bool = False,
) -> Answer:
    """Run `make` in a transaction unless the key was used before, `as_system` where it reaches beyond the tenant.

    Raises IdempotencyMismatchError when the key came with another body. When `make` fails nothing is kept, so the
    same key may be tried again. What `make` makes is rendered once its pending answers are there: without a key after
    the commit, which they then share a round trip with.
    """
    async with store.system_transaction() if as_system else store.transaction(tenant_id) as uow:
        if once.key is not None:
            stored = await uow.idempotency.begin(tenant_id, once.key, route=once.route, body_sha256=once.body_sha256)
            if stored is not None:
                return Answer(status=int(stored["status"]), body=stored["body"], replayed=True)
        made = await make(uow)
        if once.key is not None:
            await uow.send()
            answer = {"status": once.status, "body": once.render(made)}
            await uow.idempotency.complete(tenant_id, once.key, route=once.route, answer=answer)
    return Answer(status=once.status, body=once.render(made), replayed=False)
