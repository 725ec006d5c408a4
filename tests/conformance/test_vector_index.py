"""What every HybridIndex must do, run against the embedded engine and against a real server."""

import asyncio
import re
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.errors import DimensionMismatchError, IndexUnavailableError
from hortus_memory.types import IndexPoint, Match, SearchFilter


def point(text: str, *, tenant: str = "acme", item_id: UUID | None = None, **payload: object) -> IndexPoint:
    return IndexPoint(id=item_id or uuid4(), tenant_id=tenant, text=text, payload=payload)


class OneVectorEmbedder:
    """A dense model without any idea: all texts mean the same."""

    model_id = "one-vector"
    dimension = 4

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, 0.0, 0.0, 0.0] for _ in texts]


class NumberBlindEmbedder(HashEmbedder):
    """A dense model that knows words but no identifiers, as real ones do."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await super().embed([re.sub(r"\S*\d\S*", "", text) for text in texts])


async def test_search_finds_the_text_that_shares_words_with_the_query(make_index):
    index = make_index()
    wanted = point("The invoice parser reads PDF files", kind="tool", nested={"a": [1, None]})
    await index.upsert([point("Weather forecast for Lisbon"), wanted, point("How to bake bread")])

    found = await index.search("acme", "parse an invoice", limit=3)

    assert found[0].id == wanted.id
    assert found[0].text == wanted.text
    assert found[0].payload == {"kind": "tool", "nested": {"a": [1, None]}}


async def test_items_carry_cosine_coverage_and_both_ranks(make_index):
    index = make_index()
    await index.upsert([point("red apple"), point("blue whale")])

    best, other = await index.search("acme", "red apple", limit=2)

    assert (best.dense_rank, best.sparse_rank, best.coverage) == (1, 1, 1.0)
    assert best.cosine == pytest.approx(1.0, abs=1e-3)
    assert (other.dense_rank, other.sparse_rank, other.coverage) == (2, None, 0.0)
    assert other.cosine is not None
    assert other.cosine < 0.5
    assert best.score > other.score


async def test_search_returns_at_most_the_limit(make_index):
    index = make_index()
    await index.upsert([point(f"note number {number}") for number in range(20)])
    assert len(await index.search("acme", "note", limit=7)) == 7


async def test_query_of_stop_words_only_still_searches_by_meaning(make_index):
    index = make_index()
    await index.upsert([point("something")])
    assert len(await index.search("acme", "what is it", limit=5)) == 1


async def test_empty_tenant_finds_and_counts_nothing(make_index):
    index = make_index()
    assert await index.search("acme", "anything", limit=5) == []
    assert await index.count("acme") == 0


async def test_tenants_do_not_see_each_other(make_index):
    index = make_index()
    await index.upsert([point("secret recipe of acme"), point("secret recipe of globex", tenant="globex")])

    found = await index.search("globex", "secret recipe of acme", limit=10)

    assert [item.text for item in found] == ["secret recipe of globex"]
    assert await index.count("acme") == 1
    assert await index.count("globex") == 1


async def test_equal_ids_of_two_tenants_are_two_points(make_index):
    index = make_index()
    item_id = uuid4()
    await index.upsert([point("acme text", item_id=item_id)])
    await index.upsert([point("globex text", tenant="globex", item_id=item_id)])

    await index.delete("globex", [item_id])

    assert [item.text for item in await index.search("acme", "text", limit=5)] == ["acme text"]
    assert await index.count("globex") == 0


async def test_payload_cannot_forge_the_tenant(make_index):
    index = make_index()
    await index.upsert([point("text", tenant="acme", tenant_id="globex")])
    assert await index.search("globex", "text", limit=5) == []


async def test_filter_cannot_reach_another_tenant(make_index):
    index = make_index()
    await index.upsert([point("text", kind="tool"), point("text", tenant="globex", kind="tool")])
    where = SearchFilter(any_of=((Match("kind", ("tool",)),), (Match("tenant_id", ("acme",)),)))
    assert len(await index.search("globex", "text", limit=5, where=where)) == 1


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (SearchFilter(all_of=(Match("kind", ("tool",)),)), {"a tool", "b tool"}),
        (SearchFilter(all_of=(Match("kind", ("tool", "skill")),)), {"a tool", "b tool", "a skill"}),
        (SearchFilter(all_of=(Match("kind", ("tool",)), Match("agent", ("a",)))), {"a tool"}),
        (SearchFilter(none_of=(Match("agent", ("a",)),)), {"b tool"}),
        (
            SearchFilter(any_of=((Match("kind", ("skill",)),), (Match("kind", ("tool",)), Match("agent", ("b",))))),
            {"a skill", "b tool"},
        ),
        (SearchFilter(all_of=(Match("kind", ("absent",)),)), set()),
    ],
)
async def test_filters(make_index, where, expected):
    index = make_index()
    points = [
        point(f"{agent} {kind}", agent=agent, kind=kind)
        for agent, kind in (("a", "tool"), ("b", "tool"), ("a", "skill"))
    ]
    await index.upsert(points)

    found = await index.search("acme", "tool skill", limit=10, where=where)

    assert {item.text for item in found} == expected


async def test_upsert_of_the_same_id_replaces(make_index):
    index = make_index()
    item_id = uuid4()
    await index.upsert([point("old words", item_id=item_id, kind="old", extra=1)])
    await index.upsert([point("new words", item_id=item_id, kind="new")])
    await index.upsert([point("new words", item_id=item_id, kind="new")])

    (item,) = await index.search("acme", "words", limit=5)

    assert (item.text, item.payload) == ("new words", {"kind": "new"})
    assert await index.count("acme") == 1


async def test_deleted_points_are_not_found_and_absent_ids_do_not_matter(make_index):
    index = make_index()
    kept, gone = point("kept note"), point("gone note")
    await index.upsert([kept, gone])

    await index.delete("acme", [gone.id, uuid4()])
    await index.delete("acme", [])

    assert [item.id for item in await index.search("acme", "note", limit=5)] == [kept.id]


async def test_hybrid_beats_dense_on_an_exact_token(make_index):
    index = make_index(NumberBlindEmbedder())
    wanted = point("Deployment failed with ERR-4012 on a host that nobody knew")
    others = [point(f"Deployment failed with ERR-{code}") for code in range(5000, 5030)]
    await index.upsert([*others, wanted])

    found = await index.search("acme", "Deployment failed with ERR-4012", limit=3)

    (item,) = [item for item in found if item.id == wanted.id]
    assert item.sparse_rank == 1
    assert item.dense_rank == 31


async def test_rare_words_weigh_more_than_frequent_ones(make_index):
    index = make_index(OneVectorEmbedder())
    rare = point("zebra")
    await index.upsert([*(point(f"server log {number}") for number in range(10)), rare])

    found = await index.search("acme", "server log zebra", limit=11)
    by_words = sorted((item for item in found if item.sparse_rank), key=lambda item: item.sparse_rank)

    assert by_words[0].id == rare.id


async def test_upsert_of_many_points_in_one_call(make_index):
    index = make_index()
    await index.upsert([point(f"note {number}") for number in range(300)])
    assert await index.count("acme") == 300


async def test_collection_of_another_dimension_is_refused_with_the_way_out(make_index):
    await make_index(HashEmbedder(64)).ensure()
    with pytest.raises(DimensionMismatchError, match="reindex") as caught:
        await make_index(HashEmbedder(32)).upsert([point("x")])
    assert (caught.value.stored_dimension, caught.value.wanted_dimension) == (64, 32)


async def test_collection_of_another_model_with_the_same_dimension_is_refused(make_index):
    await make_index(HashEmbedder(4)).ensure()
    with pytest.raises(DimensionMismatchError, match="hash-4"):
        await make_index(OneVectorEmbedder()).search("acme", "x", limit=1)


async def test_model_and_dimension_stand_beside_each_vector(make_index, client):
    index = make_index()
    await index.upsert([point("x")])
    records, _ = await client.scroll(index._collection, with_payload=True)
    assert records[0].payload["embedding"] == {"model": "hash-64", "dimension": 64}


async def test_several_processes_may_create_the_collection_at_once(make_index):
    indexes = [make_index() for _ in range(5)]
    async with asyncio.TaskGroup() as group:
        for index in indexes:
            group.create_task(index.upsert([point("x")]))
    assert await indexes[0].count("acme") == 5


async def test_concurrent_writes_and_searches_lose_nothing(make_index):
    index = make_index()
    async with asyncio.TaskGroup() as group:
        for batch in range(10):
            group.create_task(index.upsert([point(f"note {batch} {number}") for number in range(10)]))
            group.create_task(index.search("acme", "note", limit=5))
    assert await index.count("acme") == 100


async def test_deleted_collection_is_unavailable_once_and_then_made_anew(make_index, client):
    index = make_index()
    await index.upsert([point("x")])
    await client.delete_collection(index._collection)

    with pytest.raises(IndexUnavailableError):
        await index.count("acme")
    assert await index.count("acme") == 0


async def test_healthy(make_index):
    assert await make_index().healthy()
