"""From request bodies to the engine's own objects."""

from typing import Any
from uuid import UUID

import qdrant_edge as edge

from hortus_server.adapters.embedded.qdrant_engine import protocol, wire
from hortus_server.adapters.embedded.qdrant_engine.errors import BadRequestError

DEFAULT_RRF_K = 2  # Qdrant's own default
_MAX_FILTER_DEPTH = 8

_DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Euclid": edge.Distance.Euclid,
    "Dot": edge.Distance.Dot,
    "Manhattan": edge.Distance.Manhattan,
}
_SCHEMAS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "bool": edge.PayloadSchemaType.Bool,
    "datetime": edge.PayloadSchemaType.Datetime,
    "uuid": edge.PayloadSchemaType.Uuid,
}


def build_config(request: protocol.CreateCollection) -> edge.EdgeConfig:
    """The shard configuration of a new collection."""
    hnsw = None
    if request.hnsw_config is not None:
        given = request.hnsw_config
        hnsw = edge.HnswIndexConfig(
            m=16 if given.m is None else given.m,
            ef_construct=100 if given.ef_construct is None else given.ef_construct,
            full_scan_threshold=10_000 if given.full_scan_threshold is None else given.full_scan_threshold,
            payload_m=given.payload_m,
        )
    return edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(size=params.size, distance=_DISTANCES[params.distance])
            for name, params in request.dense.items()
        },
        sparse_vectors={
            name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if params.modifier == "idf" else None)
            for name, params in request.sparse_vectors.items()
        },
        hnsw_config=hnsw,
    )


def build_field_index(request: protocol.CreateFieldIndex) -> edge.UpdateOperation:
    """The operation that creates a payload index."""
    schema = request.field_schema
    if isinstance(schema, str):
        return edge.UpdateOperation.create_field_index(request.field_name, _SCHEMAS[schema])
    if schema.is_tenant is None:
        return edge.UpdateOperation.create_field_index(request.field_name, _SCHEMAS[schema.type])
    match schema.type:
        case "keyword":
            params: edge.KeywordIndexParams | edge.UuidIndexParams
            params = edge.KeywordIndexParams(is_tenant=schema.is_tenant)
        case "uuid":
            params = edge.UuidIndexParams(is_tenant=schema.is_tenant)
        case other:
            raise BadRequestError(f"Wrong input: is_tenant is not an option of {other} indexes")
    return edge.UpdateOperation.create_field_index(request.field_name, params)


def build_vector(vector: list[float] | wire.Sparse) -> list[float] | edge.SparseVector:
    """A dense or sparse vector."""
    if isinstance(vector, wire.Sparse):
        return edge.SparseVector(vector.indices, vector.values)
    return vector


def build_point(point: protocol.PointStruct) -> edge.Point:
    """A point to store."""
    if isinstance(point.vector, dict):
        named: dict[str, edge.NamedVector] = {name: build_vector(vector) for name, vector in point.vector.items()}
        return edge.Point(point.id, named, point.payload)
    return edge.Point(point.id, point.vector, point.payload)


def build_filter(given: wire.Filter | None, depth: int = 0) -> edge.Filter | None:
    """The engine's filter; None stays None.

    Raises:
        BadRequestError: nested deeper than 8 levels, or a range mixes numbers and times.
    """
    if given is None:
        return None
    if depth >= _MAX_FILTER_DEPTH:
        raise BadRequestError(f"Wrong input: filters may be nested {_MAX_FILTER_DEPTH} levels deep")

    def conditions(part: wire.Condition | list[wire.Condition] | None) -> "list[edge.ConditionType] | None":
        if part is None:
            return None
        items = part if isinstance(part, list) else [part]
        return [_build_condition(item, depth + 1) for item in items]

    min_should = None
    if given.min_should is not None:
        min_should = edge.MinShould(conditions(given.min_should.conditions) or [], given.min_should.min_count)
    return edge.Filter(
        must=conditions(given.must),
        should=conditions(given.should),
        must_not=conditions(given.must_not),
        min_should=min_should,
    )


def _build_condition(given: wire.Condition, depth: int) -> "edge.ConditionType":
    match given:
        case wire.Filter():
            nested = build_filter(given, depth)
            assert nested is not None  # noqa: S101 - only a None filter gives None
            return nested
        case wire.HasId():
            return edge.HasIdCondition(set(given.has_id))
        case wire.IsEmpty():
            return edge.IsEmptyCondition(given.is_empty.key)
        case wire.IsNull():
            return edge.IsNullCondition(given.is_null.key)
        case wire.FieldCondition():
            return _build_field_condition(given)


def _build_field_condition(given: wire.FieldCondition) -> edge.FieldCondition:
    match given.match:
        case wire.MatchValue(value=bool()):
            # The binding of qdrant-edge 0.9 turns True into 1, which matches no boolean.
            raise BadRequestError("Wrong input: the embedded engine cannot match booleans; store a keyword")
        case wire.MatchValue(value=value):
            return edge.FieldCondition(given.key, match=edge.MatchValue(value))
        case wire.MatchAny(any=values):
            return edge.FieldCondition(given.key, match=edge.MatchAny(values))
        case wire.MatchExcept(except_=values):
            return edge.FieldCondition(given.key, match=edge.MatchExcept(values))
        case None:
            return edge.FieldCondition(given.key, range=_build_range(given.range or wire.Range()))


def _build_range(given: wire.Range) -> edge.RangeFloat | edge.RangeDateTime:
    bounds = given.model_dump(exclude_none=True)
    if all(isinstance(bound, str) for bound in bounds.values()) and bounds:
        return edge.RangeDateTime(**bounds)
    if all(isinstance(bound, float) for bound in bounds.values()):
        return edge.RangeFloat(**bounds)
    raise BadRequestError("Wrong input: a range must not mix numbers and times")


def _build_params(given: protocol.SearchParams | None) -> edge.SearchParams | None:
    return None if given is None else edge.SearchParams(hnsw_ef=given.hnsw_ef, exact=bool(given.exact))


def _prefetches(given: protocol.Prefetch) -> list[protocol.Prefetch]:
    if given.prefetch is None:
        return []
    return given.prefetch if isinstance(given.prefetch, list) else [given.prefetch]


def _build_fusion(query: protocol.FusionQuery | protocol.RrfQuery) -> Any:
    # Any: the engine's type hints do not know its fusion variants as fusions.
    match query:
        case protocol.RrfQuery(rrf=rrf):
            return edge.Fusion.Rrf(DEFAULT_RRF_K if rrf.k is None else rrf.k, rrf.weights)
        case protocol.FusionQuery(fusion="rrf"):
            return edge.Fusion.Rrf(DEFAULT_RRF_K)
        case protocol.FusionQuery():
            return edge.Fusion.Dbsf()


def _build_query(given: protocol.Prefetch) -> "edge.ScoringQueryType | None":
    query = given.query
    match query:
        case None:
            return None
        case protocol.FusionQuery() | protocol.RrfQuery():
            if not given.prefetch or given.using is not None:
                raise BadRequestError("Wrong input: a fusion query needs prefetches and no `using`")
            fusion: edge.ScoringQueryType = _build_fusion(query)
            return fusion
        case protocol.NearestQuery(nearest=vector):
            return edge.Query.Nearest(build_vector(vector), using=given.using)
        case _:
            return edge.Query.Nearest(build_vector(query), using=given.using)


def _build_prefetch(given: protocol.Prefetch) -> edge.Prefetch:
    return edge.Prefetch(
        limit=given.limit,
        query=_build_query(given),
        prefetches=[_build_prefetch(item) for item in _prefetches(given)],
        params=_build_params(given.params),
        filter=build_filter(given.filter),
        score_threshold=given.score_threshold,
    )


def build_query(given: protocol.QueryPoints) -> edge.QueryRequest:
    """The engine's query with its prefetches.

    Raises:
        BadRequestError: a fusion without prefetches, or a wrong filter.
    """
    return edge.QueryRequest(
        limit=given.limit,
        offset=given.offset,
        query=_build_query(given),
        prefetches=[_build_prefetch(item) for item in _prefetches(given)],
        with_vector=given.with_vector,
        with_payload=build_with_payload(given.with_payload),
        filter=build_filter(given.filter),
        score_threshold=given.score_threshold,
        params=_build_params(given.params),
    )


def build_with_payload(given: protocol.WithPayload) -> "edge.WithPayloadType":
    """Which payload fields to return."""
    match given:
        case protocol.Include(include=keys):
            return edge.PayloadSelector.Include(keys)
        case protocol.Exclude(exclude=keys):
            return edge.PayloadSelector.Exclude(keys)
        case _:
            return given


def parse_point_id(text: str) -> int | UUID:
    """A point id from a URL.

    Raises:
        BadRequestError: neither an unsigned integer nor a UUID.
    """
    if text.isascii() and text.isdigit() and int(text) < 2**64:
        return int(text)
    try:
        return UUID(text)
    except ValueError as error:
        raise BadRequestError(f"Wrong input: {text!r} is neither an unsigned integer nor a UUID") from error
