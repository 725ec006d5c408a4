"""From the engine's objects to Qdrant's JSON."""

from typing import Any
from uuid import UUID

import qdrant_edge as edge

from hortus_server.adapters.embedded.qdrant_engine import protocol

_SCHEMA_NAMES = {
    edge.PayloadSchemaType.Keyword: "keyword",
    edge.PayloadSchemaType.Integer: "integer",
    edge.PayloadSchemaType.Float: "float",
    edge.PayloadSchemaType.Bool: "bool",
    edge.PayloadSchemaType.Datetime: "datetime",
    edge.PayloadSchemaType.Uuid: "uuid",
}
FLUSH_INTERVAL_S = 5


def render_id(point_id: int | UUID | str) -> int | str:
    """Integers stay, UUIDs become text."""
    return point_id if isinstance(point_id, int) else str(point_id)


def render_vector(vector: Any) -> Any:
    """Dense lists as they are, sparse ones as indices and values, named ones by name."""
    if isinstance(vector, edge.SparseVector):
        return {"indices": list(vector.indices), "values": list(vector.values)}
    if isinstance(vector, dict):
        return {name: render_vector(item) for name, item in vector.items()}
    return vector


def render_record(record: edge.Record | edge.ScoredPoint) -> dict[str, Any]:
    """A stored point."""
    body: dict[str, Any] = {"id": render_id(record.id)}
    if record.payload is not None:
        body["payload"] = record.payload
    if record.vector is not None:
        body["vector"] = render_vector(record.vector)
    return body


def render_scored(point: edge.ScoredPoint) -> dict[str, Any]:
    """A point that a query found."""
    return {**render_record(point), "version": point.version, "score": point.score}


def render_collection(request: protocol.CreateCollection, info: "edge.ShardInfo") -> dict[str, Any]:
    """The description of a collection as `GET /collections/{name}` gives it."""
    vectors = request.vectors
    given = request.hnsw_config or protocol.HnswDiff()
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "segments_count": info.segments_count,
        "config": {
            "params": {
                "vectors": vectors.model_dump()
                if isinstance(vectors, protocol.VectorParams)
                else {name: params.model_dump() for name, params in vectors.items()},
                "sparse_vectors": {
                    name: params.model_dump(exclude_none=True) for name, params in request.sparse_vectors.items()
                },
                "shard_number": 1,
                "replication_factor": 1,
                "on_disk_payload": True,
            },
            "hnsw_config": {
                "m": 16 if given.m is None else given.m,
                "ef_construct": 100 if given.ef_construct is None else given.ef_construct,
                "full_scan_threshold": 10_000 if given.full_scan_threshold is None else given.full_scan_threshold,
                "payload_m": given.payload_m,
            },
            "optimizer_config": {"default_segment_number": 1, "flush_interval_sec": FLUSH_INTERVAL_S},
            "metadata": request.metadata,
        },
        "payload_schema": {
            field: {"data_type": _SCHEMA_NAMES[index.data_type], "points": index.points}
            for field, index in info.payload_schema.items()
        },
    }
