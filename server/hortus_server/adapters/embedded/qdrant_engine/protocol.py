"""Request bodies of the supported subset of Qdrant's REST (OpenAPI of Qdrant 1.20)."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hortus_server.adapters.embedded.qdrant_engine.wire import Dense, Filter, Finite, PointId, Sparse, Wire

MAX_LIMIT = 10_000
MAX_POINTS_PER_REQUEST = 10_000
COLLECTION_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$"

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Keys = list[str]


class HnswDiff(Wire):
    """Graph parameters, stored with the collection and used when its graph is built."""

    m: int | None = None
    ef_construct: int | None = None
    full_scan_threshold: int | None = None
    payload_m: int | None = None


class VectorParams(Wire):
    """A named dense vector; only full-precision storage."""

    size: Annotated[int, Field(ge=1, le=65_536)]
    distance: Literal["Cosine", "Euclid", "Dot", "Manhattan"]


class SparseParams(Wire):
    """A named sparse vector."""

    modifier: Literal["none", "idf"] | None = None


class CreateCollection(Wire):
    """PUT /collections/{name}."""

    vectors: VectorParams | dict[str, VectorParams] = Field(default_factory=dict)
    sparse_vectors: dict[str, SparseParams] = Field(default_factory=dict)
    hnsw_config: HnswDiff | None = None
    metadata: dict[str, Any] | None = None

    @property
    def dense(self) -> dict[str, VectorParams]:
        """Dense vectors by name; the unnamed one is ''."""
        return {"": self.vectors} if isinstance(self.vectors, VectorParams) else self.vectors


class IndexParams(Wire):
    """A payload index given as an object."""

    type: Literal["keyword", "integer", "float", "bool", "datetime", "uuid"]
    is_tenant: bool | None = None


class CreateFieldIndex(Wire):
    """PUT /collections/{name}/index."""

    field_name: Annotated[str, Field(min_length=1, max_length=256)]
    field_schema: Literal["keyword", "integer", "float", "bool", "datetime", "uuid"] | IndexParams


class NearestQuery(Wire):
    """Nearest neighbours of a vector."""

    nearest: Dense | Sparse


class FusionQuery(Wire):
    """Fusion of the prefetched rankings."""

    fusion: Literal["rrf", "dbsf"]


class RrfParams(Wire):
    """Reciprocal rank fusion with its constant and one weight per prefetch."""

    k: Annotated[int, Field(ge=1)] | None = None
    weights: list[Finite] | None = None


class RrfQuery(Wire):
    """Reciprocal rank fusion with parameters."""

    rrf: RrfParams


Query = Dense | Sparse | NearestQuery | FusionQuery | RrfQuery


class SearchParams(Wire):
    """Search options; exact skips the graph."""

    exact: bool | None = None
    hnsw_ef: int | None = None


class Prefetch(Wire):
    """A ranking computed before the main query."""

    prefetch: "Prefetch | list[Prefetch] | None" = None
    query: Query | None = None
    using: str | None = None
    filter: Filter | None = None
    params: SearchParams | None = None
    score_threshold: Finite | None = None
    limit: Limit = 10


class Include(Wire):
    """Payload fields to return."""

    include: Keys


class Exclude(Wire):
    """Payload fields to leave out."""

    exclude: Keys


WithPayload = bool | Keys | Include | Exclude
WithVector = bool | Keys


class QueryPoints(Prefetch):
    """POST /collections/{name}/points/query."""

    offset: Annotated[int, Field(ge=0)] = 0
    with_payload: WithPayload = False
    with_vector: WithVector = False


class QueryBatch(Wire):
    """POST /collections/{name}/points/query/batch."""

    searches: Annotated[list[QueryPoints], Field(min_length=1, max_length=100)]


class PointStruct(Wire):
    """A point to store; vector is unnamed, or by name."""

    id: PointId
    vector: Dense | dict[str, Dense | Sparse]
    payload: dict[str, Any] = Field(default_factory=dict)


class UpsertPoints(Wire):
    """PUT /collections/{name}/points."""

    points: Annotated[list[PointStruct], Field(min_length=1, max_length=MAX_POINTS_PER_REQUEST)]


class GetPoints(Wire):
    """POST /collections/{name}/points."""

    ids: Annotated[list[PointId], Field(max_length=MAX_POINTS_PER_REQUEST)]
    with_payload: WithPayload = True
    with_vector: WithVector = False


class SelectPoints(Wire):
    """POST /collections/{name}/points/delete: ids or a filter."""

    points: list[PointId] | None = None
    filter: Filter | None = None

    @model_validator(mode="after")
    def check_one(self) -> "SelectPoints":
        """Neither would delete nothing, both would be ambiguous."""
        if (self.points is None) == (self.filter is None):
            raise ValueError("give exactly one of points and filter")
        return self


class SetPayload(SelectPoints):
    """POST /collections/{name}/points/payload."""

    payload: dict[str, Any]
    key: str | None = None


class ScrollPoints(Wire):
    """POST /collections/{name}/points/scroll."""

    offset: PointId | None = None
    limit: Limit = 10
    filter: Filter | None = None
    with_payload: WithPayload = True
    with_vector: WithVector = False


class CountPoints(Wire):
    """POST /collections/{name}/points/count."""

    filter: Filter | None = None
    exact: bool = True
