"""Between memory's values and the Qdrant client's models."""

from typing import Any
from uuid import UUID, uuid5

from qdrant_client import models

from hortus_memory.embedding import sparse
from hortus_memory.ranking.confidence import measure_coverage
from hortus_memory.types import IndexPoint, Match, ScoredItem, SearchFilter

DENSE = "dense"
SPARSE = "sparse"
_POINT_NAMESPACE = UUID("6f6b9a52-2f0e-5f0c-9c39-6a3c1a0e8d51")


def point_id(tenant_id: str, item_id: UUID) -> str:
    """The point's own id on the server, distinct for each tenant."""
    return str(uuid5(_POINT_NAMESPACE, f"{tenant_id}/{item_id}"))


def to_struct(
    point: IndexPoint, vector: list[float], words: sparse.SparseVector, *, model_id: str
) -> models.PointStruct:
    """A point as it is stored; which model made its vector stands beside it."""
    return models.PointStruct(
        id=point_id(point.tenant_id, point.id),
        vector={DENSE: vector, SPARSE: sparse_model(words)},
        payload={
            "tenant_id": point.tenant_id,
            "id": str(point.id),
            "text": point.text,
            "embedding": {"model": model_id, "dimension": len(vector)},
            "fields": dict(point.payload),
        },
    )


def sparse_model(words: sparse.SparseVector) -> models.SparseVector:
    """A sparse vector for the client."""
    return models.SparseVector(indices=list(words.indices), values=list(words.values))


def _condition(match: Match) -> models.FieldCondition:
    key = f"fields.{match.field}"
    if len(match.values) == 1:
        return models.FieldCondition(key=key, match=models.MatchValue(value=match.values[0]))
    values: Any = list(match.values)
    return models.FieldCondition(key=key, match=models.MatchAny(any=values))


def build_filter(tenant_id: str, where: SearchFilter | None) -> models.Filter:
    """The caller's filter inside the tenant's; there is no filter without a tenant."""
    tenant = models.FieldCondition(key="tenant_id", match=models.MatchValue(value=tenant_id))
    given = where or SearchFilter()
    groups = [models.Filter(must=[_condition(match) for match in group]) for group in given.any_of]
    return models.Filter(
        must=[tenant, *(_condition(match) for match in given.all_of)],
        must_not=[_condition(match) for match in given.none_of] or None,
        should=list(groups) or None,
    )


def join(
    query: str,
    fused: list[models.ScoredPoint],
    dense: list[models.ScoredPoint],
    by_words: list[models.ScoredPoint],
) -> list[ScoredItem]:
    """Found items in fused order, with what the single rankings say about each."""
    dense_ranks = {point.id: rank for rank, point in enumerate(dense, start=1)}
    word_ranks = {point.id: rank for rank, point in enumerate(by_words, start=1)}
    cosines = {point.id: point.score for point in dense}
    wanted = sparse.split_terms(query)
    items = []
    for point in fused:
        payload = point.payload or {}
        items.append(
            ScoredItem(
                id=UUID(payload["id"]),
                text=payload["text"],
                payload=payload["fields"],
                score=point.score,
                dense_rank=dense_ranks.get(point.id),
                sparse_rank=word_ranks.get(point.id),
                cosine=cosines.get(point.id),
                coverage=measure_coverage(wanted, sparse.split_terms(payload["text"])),
            )
        )
    return items
