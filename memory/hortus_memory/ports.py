"""What memory needs from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from hortus_memory.types import IndexPoint, ScoredItem, SearchFilter


class Embedder(Protocol):
    """Turns texts into unit vectors. Safe for concurrent use within one event loop."""

    @property
    def model_id(self) -> str:
        """Identifies the vector space: vectors of different ids must never be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One L2-normalised vector per text, in order.

        Raises:
            EmbeddingError: the model failed or did not answer in time.
        """
        ...


class HybridIndex(Protocol):
    """One collection of texts searched by meaning (dense) and by words (sparse) at once.

    The tenant of every call is applied inside: no call can read, replace or delete another tenant's points,
    not even one with the same id. All methods raise IndexUnavailableError within a bounded time if the index
    does not answer, IndexRequestError if it refuses, EmbeddingError if texts cannot be embedded.
    """

    async def ensure(self) -> None:
        """Create the collection if absent and check that it was made by the configured embedder.

        Called by the other methods at their first use.

        Raises:
            DimensionMismatchError: it was made by another model.
        """
        ...

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Store points durably; the same id again replaces the point of that tenant."""
        ...

    async def search(
        self, tenant_id: str, query: str, *, limit: int, where: SearchFilter | None = None
    ) -> list[ScoredItem]:
        """The tenant's points nearest to the query by reciprocal rank fusion, best first."""
        ...

    async def delete(self, tenant_id: str, ids: Sequence[UUID]) -> None:
        """Delete these points of the tenant; absent ones do not matter."""
        ...

    async def count(self, tenant_id: str) -> int:
        """How many points the tenant has."""
        ...

    async def healthy(self) -> bool:
        """Whether the index answers now; never raises."""
        ...
