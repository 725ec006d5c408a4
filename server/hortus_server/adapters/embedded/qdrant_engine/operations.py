"""What each supported request does to a collection. Blocking; called in worker threads."""

from typing import Any

import qdrant_edge as edge

from hortus_server.adapters.embedded.qdrant_engine import protocol, render, translate
from hortus_server.adapters.embedded.qdrant_engine.store import Collection

_Json = dict[str, Any]


def _completed(operation_id: int) -> _Json:
    return {"operation_id": operation_id, "status": "completed"}


def describe(collection: Collection) -> _Json:
    """The collection's configuration and counts."""
    return render.render_collection(collection.request, collection.read(lambda shard: shard.info()))


def create_index(collection: Collection, body: protocol.CreateFieldIndex) -> _Json:
    """Index a payload field; doing it again changes nothing."""
    return _completed(collection.update(translate.build_field_index(body)))


def upsert(collection: Collection, body: protocol.UpsertPoints) -> _Json:
    """Store points, replacing those of the same id; all of them fit or none is stored."""
    collection.check_points(body.points)
    points = [translate.build_point(point) for point in body.points]
    return _completed(collection.update(edge.UpdateOperation.upsert_points(points)))


def retrieve(collection: Collection, body: protocol.GetPoints) -> list[_Json]:
    """The points of these ids that exist."""
    payload = translate.build_with_payload(body.with_payload)
    records = collection.read(lambda shard: shard.retrieve(list(body.ids), payload, body.with_vector))
    return [render.render_record(record) for record in records]


def delete(collection: Collection, body: protocol.SelectPoints) -> _Json:
    """Delete points by ids or by filter."""
    chosen = translate.build_filter(body.filter)
    if chosen is not None:
        return _completed(collection.update(edge.UpdateOperation.delete_points_by_filter(chosen)))
    return _completed(collection.update(edge.UpdateOperation.delete_points(list(body.points or []))))


def set_payload(collection: Collection, body: protocol.SetPayload) -> _Json:
    """Set payload fields of points chosen by ids or by filter; other fields stay."""
    chosen = translate.build_filter(body.filter)
    if chosen is not None:
        change = edge.UpdateOperation.set_payload_by_filter(chosen, body.payload, body.key)
    else:
        change = edge.UpdateOperation.set_payload(list(body.points or []), body.payload, body.key)
    return _completed(collection.update(change))


def scroll(collection: Collection, body: protocol.ScrollPoints) -> _Json:
    """A page of points in the order of their ids."""
    request = edge.ScrollRequest(
        offset=body.offset,
        limit=body.limit,
        filter=translate.build_filter(body.filter),
        with_payload=translate.build_with_payload(body.with_payload),
        with_vector=body.with_vector,
    )
    records, following = collection.read(lambda shard: shard.scroll(request))
    return {
        "points": [render.render_record(record) for record in records],
        "next_page_offset": None if following is None else render.render_id(following),
    }


def count(collection: Collection, body: protocol.CountPoints) -> _Json:
    """How many points match."""
    request = edge.CountRequest(exact=body.exact, filter=translate.build_filter(body.filter))
    return {"count": collection.read(lambda shard: shard.count(request))}


def query(collection: Collection, body: protocol.QueryPoints) -> _Json:
    """Rank points; see Qdrant's query API."""
    request = translate.build_query(body)
    points = collection.read(lambda shard: shard.query(request))
    return {"points": [render.render_scored(point) for point in points]}


def query_batch(collection: Collection, body: protocol.QueryBatch) -> list[_Json]:
    """Several queries, answered in their order."""
    batch = edge.QueryBatchRequest([translate.build_query(item) for item in body.searches])
    answers = collection.read(lambda shard: shard.query_batch(batch))
    return [{"points": [render.render_scored(point) for point in answer]} for answer in answers]
