"""The embedded engine's REST subset, spoken by the unmodified client and by hand."""

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_process import EngineProcess
from stack_parts import free_port

VECTORS = {"dense": models.VectorParams(size=3, distance=models.Distance.COSINE)}
SPARSE = {"sparse": models.SparseVectorParams(modifier=models.Modifier.IDF)}


@pytest.fixture
async def client(embedded_qdrant: EngineProcess) -> AsyncIterator[AsyncQdrantClient]:
    connected = AsyncQdrantClient(url=embedded_qdrant.url, prefer_grpc=False, timeout=10)
    yield connected
    await connected.close()


@pytest.fixture
async def http(embedded_qdrant: EngineProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=embedded_qdrant.url, trust_env=False) as opened:
        yield opened


@pytest.fixture
async def name(client: AsyncQdrantClient) -> AsyncIterator[str]:
    """A collection with three points."""
    fresh = f"c-{uuid4().hex}"
    await client.create_collection(
        fresh, vectors_config=VECTORS, sparse_vectors_config=SPARSE, metadata={"made": "by test"}
    )
    points = [
        models.PointStruct(
            id=number,
            vector={
                "dense": [1.0, 0.1 * number, 0.0],
                "sparse": models.SparseVector(indices=[number, 2**32 - 1], values=[1.0, 0.5]),
            },
            payload={"number": number, "parity": ("even", "odd")[number % 2], "at": f"2026-01-0{number}T00:00:00Z"},
        )
        for number in (1, 2, 3)
    ]
    await client.upsert(fresh, points, wait=True)
    yield fresh
    await client.delete_collection(fresh)


def field(key: str, **condition: object) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key=key, **condition)])  # type: ignore[arg-type]


async def test_collection_describes_itself(client, name):
    info = await client.get_collection(name)
    assert info.points_count == 3
    assert info.config.params.vectors["dense"].size == 3
    assert info.config.params.sparse_vectors["sparse"].modifier == models.Modifier.IDF
    assert info.config.metadata == {"made": "by test"}


async def test_collections_can_be_listed_and_deleted(client, name):
    assert name in {entry.name for entry in (await client.get_collections()).collections}
    assert await client.delete_collection(name) is True
    assert await client.collection_exists(name) is False
    assert await client.delete_collection(name) is False


async def test_points_come_back_as_they_were_stored(client, name):
    (record,) = await client.retrieve(name, [2], with_vectors=True)
    assert record.payload == {"number": 2, "parity": "even", "at": "2026-01-02T00:00:00Z"}
    assert record.vector["sparse"] == models.SparseVector(indices=[2, 2**32 - 1], values=[1.0, 0.5])


async def test_uuid_ids_come_back_as_text(client, name):
    point_id = str(uuid4())
    await client.upsert(name, [models.PointStruct(id=point_id, vector={"dense": [0, 0, 1]})])
    assert [record.id for record in await client.retrieve(name, [point_id])] == [point_id]


async def test_scroll_pages_through_everything(client, name):
    seen, offset = [], None
    for _ in range(3):
        records, offset = await client.scroll(name, limit=1, offset=offset)
        seen += [record.id for record in records]
    assert (seen, offset) == ([1, 2, 3], None)


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (field("number", range=models.Range(gte=2)), [2, 3]),
        (field("at", range=models.DatetimeRange(lt="2026-01-02T00:00:00Z")), [1]),
        (field("parity", match=models.MatchValue(value="even")), [2]),
        (field("number", match=models.MatchAny(any=[1, 3])), [1, 3]),
        (field("number", match=models.MatchExcept(**{"except": [1]})), [2, 3]),
        (models.Filter(must_not=[models.HasIdCondition(has_id=[2])]), [1, 3]),
        (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="none"))]), [1, 2, 3]),
        (models.Filter(should=[field("number", match=models.MatchValue(value=3))]), [3]),
    ],
)
async def test_filters_of_the_subset(client, name, chosen, ids):
    records, _ = await client.scroll(name, scroll_filter=chosen)
    assert [record.id for record in records] == ids
    assert (await client.count(name, count_filter=chosen)).count == len(ids)


async def test_fusion_of_two_rankings_with_filter_and_chosen_fields(client, name):
    answer = await client.query_points(
        name,
        prefetch=[
            models.Prefetch(query=[1.0, 0.0, 0.0], using="dense", limit=10),
            models.Prefetch(query=models.SparseVector(indices=[3], values=[1.0]), using="sparse", limit=10),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        query_filter=field("number", range=models.Range(gte=1)),
        with_payload=models.PayloadSelectorInclude(include=["number"]),
    )
    assert [point.id for point in answer.points] == [3, 1, 2]  # 3: last of one ranking, first of the other
    assert answer.points[0].payload == {"number": 3}


async def test_batch_answers_in_order(client, name):
    answers = await client.query_batch_points(
        name,
        [
            models.QueryRequest(query=[1.0, 0.0, 0.0], using="dense", limit=1),
            models.QueryRequest(query=models.SparseVector(indices=[2], values=[1.0]), using="sparse", limit=5),
        ],
    )
    assert [[point.id for point in answer.points] for answer in answers] == [[1], [2]]


async def test_payload_can_be_set_on_chosen_points(client, name):
    await client.set_payload(name, {"seen": 1}, points=[1])
    await client.set_payload(name, {"seen": 2}, points=field("number", match=models.MatchValue(value=2)))
    records, _ = await client.scroll(name)
    assert [record.payload.get("seen") for record in records] == [1, 2, None]


async def test_points_can_be_deleted_by_filter(client, name):
    await client.delete(name, models.FilterSelector(filter=field("parity", match=models.MatchValue(value="odd"))))
    assert (await client.count(name)).count == 1


@pytest.mark.parametrize(
    "vector",
    [{"dense": [1.0, 2.0]}, {"other": [1.0, 2.0, 3.0]}, {"other": {"indices": [1], "values": [1.0]}}, [1.0, 2.0, 3.0]],
)
async def test_points_with_a_wrong_vector_are_refused_whole(http, client, name, vector):
    points = [{"id": 8, "vector": {"dense": [1, 0, 0]}}, {"id": 9, "vector": vector}]
    answer = await http.put(f"/collections/{name}/points", json={"points": points})
    assert answer.status_code == 400
    assert "Wrong input" in answer.json()["status"]["error"]
    assert (await client.count(name)).count == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "points/query", {"query": [1, 0, 0], "using": "dense", "lookup_from": {"collection": "x"}}, 400),
        ("POST", "points/query", {"query": {"recommend": {"positive": [1]}}, "using": "dense"}, 400),
        ("POST", "points/query", {"query": {"fusion": "rrf"}}, 400),
        ("POST", "points/query", {"query": [1, 0], "using": "dense"}, 400),
        ("POST", "points/query", {"query": [1, 0, 0], "using": "nowhere"}, 400),
        ("POST", "points/query", {"query": [1, 0, 0], "using": "dense", "limit": 0}, 400),
        ("POST", "points/query?magic=1", {"query": [1, 0, 0], "using": "dense"}, 400),
        ("POST", "points/scroll", {"filter": {"must": [{"key": "a"}]}}, 400),
        ("POST", "points/scroll", {"filter": {"must": [{"key": "a", "geo_radius": {}}]}}, 400),
        ("POST", "points/scroll", {"filter": {"must": [{"key": "a", "match": {"value": True}}]}}, 400),
        ("POST", "points/delete", {}, 400),
        ("PUT", "points", {"points": [{"id": "no-uuid", "vector": {"dense": [1, 0, 0]}}]}, 400),
        ("PUT", "points", {"points": [{"id": -1, "vector": {"dense": [1, 0, 0]}}]}, 400),
        ("PUT", "points", {"points": [{"id": 1, "vector": {"dense": [1e999, 0, 0]}}]}, 400),
        ("POST", "points/scroll", {"filter": {"must": [{"key": "a", "match": {"value": 10**30}}]}}, 400),
        ("POST", "points/scroll", {"filter": {"must": [{"key": "a[", "match": {"value": 1}}]}}, 400),
        ("PUT", "points", [], 400),
        ("PUT", "index", {"field_name": "a", "field_schema": "geo"}, 400),
        ("GET", "points/77", None, 404),
        ("POST", "snapshots", None, 501),
        ("PUT", "points/vectors", {"points": []}, 501),
        ("POST", "facet", {"key": "a"}, 501),
    ],
)
async def test_what_lies_outside_the_subset_is_refused_in_words(http, name, method, path, body, status):
    answer = await http.request(
        method, f"/collections/{name}/{path}", content=json.dumps(body) if body is not None else None
    )
    assert answer.status_code == status
    assert answer.json()["status"]["error"]


@pytest.mark.parametrize("bad", ["%2e%2e", "a%2Fb", "-x", "x" * 129, ".lock", "a b"])
async def test_collection_names_are_validated(http, embedded_qdrant, bad):
    before = sorted(path.name for path in embedded_qdrant.path.iterdir() if path.name != ".lock")
    answer = await http.put(f"/collections/{bad}", json={"vectors": {"size": 3, "distance": "Dot"}})
    assert answer.status_code in {400, 501}
    assert sorted(path.name for path in embedded_qdrant.path.iterdir() if path.name != ".lock") == before


async def test_collection_made_twice_is_a_conflict(client, name):
    with pytest.raises(UnexpectedResponse) as caught:
        await client.create_collection(name, vectors_config=VECTORS)
    assert caught.value.status_code == 409


async def test_huge_numbers_in_payloads_do_not_break_the_engine(http, name):
    points = [{"id": 5, "vector": {"dense": [1, 0, 0]}, "payload": {"n": 10**30, "m": 2**64 - 1}}]
    answer = await http.put(f"/collections/{name}/points", json={"points": points})
    assert answer.status_code in {200, 400}
    assert (await http.post(f"/collections/{name}/points/scroll", json={})).status_code == 200


async def test_corrupt_collection_is_named_at_start(engine_path: Path):
    engine = EngineProcess(engine_path)
    body = {"vectors": {"size": 2, "distance": "Dot"}}
    assert httpx.put(f"{engine.url}/collections/mem", json=body, trust_env=False).status_code == 200
    engine.kill()
    (engine_path / "mem" / "shard" / "edge_config.json").write_text("{broken")

    started = _run("--path", str(engine_path), "--port", str(free_port()))

    assert started.returncode == 2
    assert "cannot open collection mem" in started.stderr


async def test_absent_collection_is_404(client):
    with pytest.raises(UnexpectedResponse) as caught:
        await client.count("absent")
    assert caught.value.status_code == 404


async def test_body_over_the_limit_is_refused(http, name):
    answer = await http.put(f"/collections/{name}/points", content=b" " * (33 * 1024 * 1024))
    assert answer.status_code == 413


def test_directory_has_one_owner(embedded_qdrant: EngineProcess):
    second = _run("--path", str(embedded_qdrant.path), "--port", str(free_port()))
    assert second.returncode == 2
    assert f"in use by process {embedded_qdrant.process.pid}" in second.stderr


def test_foreign_address_needs_a_key(tmp_path: Path):
    refused = _run("--path", str(tmp_path / "store"), "--host", "0.0.0.0", "--port", str(free_port()))
    assert refused.returncode == 2
    assert "--api-key-file" in refused.stderr


def test_taken_port_ends_the_process(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = _run("--path", str(tmp_path / "store"), "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 3
    assert "address already in use" in ended.stderr


def test_unfinished_creation_is_cleared_at_the_next_start(engine_path: Path):
    (engine_path / "half" / "shard").mkdir(parents=True)
    engine = EngineProcess(engine_path)
    try:
        answer = httpx.get(f"{engine.url}/collections", trust_env=False)
        assert answer.json()["result"] == {"collections": []}
        assert not (engine_path / "half").exists()
    finally:
        engine.kill()


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hortus_server.adapters.embedded.qdrant_engine", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
