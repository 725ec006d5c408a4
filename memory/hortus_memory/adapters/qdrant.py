"""The hybrid index on a Qdrant server, real or embedded, through its REST client.

A point's payload holds ``tenant_id``, ``id``, ``text``, ``embedding`` (model and dimension) and the caller's
fields under ``fields``, so that no caller can set or filter the tenant. The point's own id is derived from
tenant and id: equal ids of two tenants never meet.

Fusion is reciprocal rank fusion on the server (Cormack et al., "Reciprocal Rank Fusion outperforms Condorcet
and individual Rank Learning Methods", 2009) over a dense and a sparse ranking. The two rankings are asked
for in the same request as well, since the fused score says nothing about how well an item fits.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from hortus_memory.adapters import qdrant_points
from hortus_memory.embedding import sparse
from hortus_memory.errors import (
    DimensionMismatchError,
    EmbeddingError,
    HortusMemoryError,
    IndexRequestError,
    IndexUnavailableError,
)
from hortus_memory.ports import Embedder
from hortus_memory.types import IndexPoint, ScoredItem, SearchFilter

_Result = TypeVar("_Result")

_UPSERT_BATCH = 128
_PREFETCH_FACTOR = 4
_PREFETCH_MIN = 40
_CONNECTIONS = 64
_KEEP_ALIVE_S = 4.0  # below any server's own, so that a request rarely meets a connection just closed
_RETRY_PAUSE_S = 0.05
_NOT_FOUND = 404
_CONFLICT = 409
_TRANSIENT = {408, 425, 429}


def connect_qdrant(url: str, *, api_key: str | None = None, timeout_s: float = 2.5) -> AsyncQdrantClient:
    """A client for any number of indexes; opens nothing yet. The owner awaits its `close()`."""
    return AsyncQdrantClient(
        url=url,
        prefer_grpc=False,
        timeout=math.ceil(timeout_s),
        # As a header: given as api_key the client warns on every plain-HTTP address, loopback included.
        headers=None if api_key is None else {"api-key": api_key},
        check_compatibility=False,  # would start a thread with a blocking request
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=16, keepalive_expiry=_KEEP_ALIVE_S),
    )


class QdrantIndex:
    """One collection. Safe for concurrent use within one event loop; implements HybridIndex."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        collection: str,
        embedder: Embedder,
        *,
        keyword_fields: Sequence[str] = (),
        timeout_s: float = 2.5,
    ) -> None:
        """Connects nothing yet.

        Args:
            client: from `connect_qdrant`.
            collection: its name on the server.
            embedder: makes the dense vectors; the collection belongs to its model for ever.
            keyword_fields: payload fields that searches filter by.
            timeout_s: limit of every call to the server, embedding not counted; the first use, which
                may have to create the collection, has twice as long.
        """
        self._client = client
        self._collection = collection
        self._embedder = embedder
        self._keyword_fields = tuple(keyword_fields)
        self._timeout_s = timeout_s
        self._ready = False
        self._ensuring = asyncio.Lock()  # protects _ready, so that the check runs once

    async def ensure(self) -> None:
        """Create the collection with its payload indexes if absent; check its model. See HybridIndex."""
        if self._ready:
            return
        try:
            # Callers that queue for the lock while the server hangs wait no longer than the first.
            async with asyncio.timeout(2 * self._timeout_s), self._ensuring:
                await self._ensure_once()
        except TimeoutError as error:
            raise self._no_answer(2 * self._timeout_s) from error

    async def _ensure_once(self) -> None:
        if not self._ready:
            if not await self._call(lambda: self._client.collection_exists(self._collection)):
                await self._create()
            await self._check_model()
            await self._index_field("tenant_id", is_tenant=True)
            for field in self._keyword_fields:
                await self._index_field(f"fields.{field}")
            self._ready = True

    async def _create(self) -> None:
        try:
            await self._call(
                lambda: self._client.create_collection(
                    self._collection,
                    vectors_config={
                        qdrant_points.DENSE: models.VectorParams(
                            size=self._embedder.dimension, distance=models.Distance.COSINE
                        )
                    },
                    sparse_vectors_config={
                        qdrant_points.SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                    },
                    # Every search names its tenant: a graph per tenant, none across them.
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                    metadata={
                        "embedding_model": self._embedder.model_id,
                        "embedding_dimension": self._embedder.dimension,
                        "sparse_encoder": sparse.SPARSE_ENCODER_ID,
                    },
                )
            )
        except IndexRequestError as error:
            if error.status != _CONFLICT:  # another process was faster
                raise

    async def _index_field(self, field: str, *, is_tenant: bool = False) -> None:
        schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True if is_tenant else None)
        await self._call(lambda: self._client.create_payload_index(self._collection, field, schema, wait=True))

    async def _check_model(self) -> None:
        info = await self._call(lambda: self._client.get_collection(self._collection))
        vectors = info.config.params.vectors
        params = vectors.get(qdrant_points.DENSE) if isinstance(vectors, dict) else None
        stored = await self._stored_model(info.config.metadata or {})
        wanted = self._embedder.model_id
        dimension = 0 if params is None else params.size
        if dimension != self._embedder.dimension or stored not in {None, wanted}:
            raise DimensionMismatchError(
                self._collection,
                stored=(stored or "an unknown model", dimension),
                wanted=(wanted, self._embedder.dimension),
            )

    async def _stored_model(self, metadata: dict[str, Any]) -> str | None:
        encoder = metadata.get("sparse_encoder", sparse.SPARSE_ENCODER_ID)
        if encoder != sparse.SPARSE_ENCODER_ID:
            return f"{metadata.get('embedding_model')} with sparse encoder {encoder}"
        if "embedding_model" in metadata:
            return str(metadata["embedding_model"])
        # A server that keeps no metadata: every point says what embedded it.
        points, _ = await self._call(lambda: self._client.scroll(self._collection, limit=1, with_payload=["embedding"]))
        return str((points[0].payload or {})["embedding"]["model"]) if points else None

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Embed and store points in batches of 128. See HybridIndex."""
        await self.ensure()
        for start in range(0, len(points), _UPSERT_BATCH):
            await self._store(points[start : start + _UPSERT_BATCH])

    async def _store(self, batch: Sequence[IndexPoint]) -> None:
        vectors = await self._embed([point.text for point in batch])
        words = await asyncio.to_thread(lambda: [sparse.encode_document(point.text) for point in batch])
        stored = [
            qdrant_points.to_struct(point, vector, word, model_id=self._embedder.model_id)
            for point, vector, word in zip(batch, vectors, words, strict=True)
        ]
        await self._call(lambda: self._client.upsert(self._collection, stored, wait=True))

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        vectors = await self._embedder.embed(texts)
        if len(vectors) != len(texts) or any(len(vector) != self._embedder.dimension for vector in vectors):
            raise EmbeddingError(f"{self._embedder.model_id} gave vectors of a wrong number or dimension")
        return vectors

    async def search(
        self, tenant_id: str, query: str, *, limit: int, where: SearchFilter | None = None
    ) -> list[ScoredItem]:
        """Three rankings in one request: fused with payloads, dense, sparse. See HybridIndex."""
        await self.ensure()
        (vector,) = await self._embed([query])
        depth = max(limit * _PREFETCH_FACTOR, _PREFETCH_MIN)
        allowed = qdrant_points.build_filter(tenant_id, where)
        dense = models.QueryRequest(query=vector, using=qdrant_points.DENSE, filter=allowed, limit=depth)
        rankings = [dense]
        words = sparse.encode_query(query)
        if words.indices:
            rankings.append(
                models.QueryRequest(
                    query=qdrant_points.sparse_model(words), using=qdrant_points.SPARSE, filter=allowed, limit=depth
                )
            )
        fused = models.QueryRequest(
            prefetch=[
                models.Prefetch(query=ranking.query, using=ranking.using, filter=allowed, limit=depth)
                for ranking in rankings
            ],
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            filter=allowed,
            limit=limit,
            with_payload=True,
        )
        answers = await self._call(lambda: self._client.query_batch_points(self._collection, [fused, *rankings]))
        by_sparse = answers[2].points if words.indices else []
        return qdrant_points.join(query, answers[0].points, answers[1].points, by_sparse)

    async def delete(self, tenant_id: str, ids: Sequence[UUID]) -> None:
        """Delete by derived ids. See HybridIndex."""
        if not ids:
            return
        await self.ensure()
        chosen = models.PointIdsList(points=[qdrant_points.point_id(tenant_id, item) for item in ids])
        await self._call(lambda: self._client.delete(self._collection, chosen, wait=True))

    async def count(self, tenant_id: str) -> int:
        """Exact count. See HybridIndex."""
        await self.ensure()
        allowed = qdrant_points.build_filter(tenant_id, None)
        answer = await self._call(lambda: self._client.count(self._collection, count_filter=allowed, exact=True))
        return answer.count

    async def healthy(self) -> bool:
        """Whether the server answers an authorised request. See HybridIndex."""
        try:
            await self._call(lambda: self._client.collection_exists(self._collection))
        except HortusMemoryError:
            return False
        return True

    async def _call(self, request: Callable[[], Awaitable[_Result]]) -> _Result:
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return await request()
                except ResponseHandlingException:
                    # Often a kept-alive connection that a restarting server closed; all our calls may repeat.
                    await asyncio.sleep(_RETRY_PAUSE_S)
                    return await request()
        except TimeoutError as error:
            raise self._no_answer(self._timeout_s) from error
        except (ResponseHandlingException, ResourceExhaustedResponse) as error:
            raise IndexUnavailableError(self._collection, str(error)) from error
        except UnexpectedResponse as error:
            raise self._translate(error) from error

    def _no_answer(self, limit_s: float) -> IndexUnavailableError:
        return IndexUnavailableError(self._collection, f"no answer within {limit_s:g} s")

    def _translate(self, error: UnexpectedResponse) -> HortusMemoryError:
        status = error.status_code or 0
        if status == _NOT_FOUND:
            self._ready = False  # deleted behind our back: the next call makes it anew
            return IndexUnavailableError(self._collection, "the collection does not exist")
        reason = error.content.decode(errors="replace")[:500]
        if status >= 500 or status in _TRANSIENT:  # noqa: PLR2004 - HTTP's server errors
            return IndexUnavailableError(self._collection, f"status {status}: {reason}")
        return IndexRequestError(self._collection, status, reason)
