"""Episodic memory over a real index: who recalls what, and when not to rely on it."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.embedding.minilm import MiniLmEmbedder
from hortus_memory.errors import EpisodeFormatError
from hortus_memory.service import EPISODE_FIELDS, EpisodicMemory
from hortus_memory.types import Episode, IndexPoint, Scope, Trust, Visibility

MINILM_DIR = os.environ.get("HORTUS_TEST_MINILM_DIR")
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def index(make_index):
    return make_index(HashEmbedder(256), keyword_fields=EPISODE_FIELDS)


@pytest.fixture
def memory(index) -> EpisodicMemory:
    return EpisodicMemory(index)


def lived(text: str = "Converted Roman numerals with a new tool", **changes: object) -> Episode:
    made = Episode(
        id=uuid4(),
        tenant_id="acme",
        agent_id="a",
        session_id=uuid4(),
        run_id=uuid4(),
        title=text,
        content=f"{text}.",
        occurred_at=NOW,
        created_at=NOW,
        source_seqs=(1, 9),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_another_agent_of_the_tenant_recalls_the_whole_episode(memory):
    episode = lived(trust=Trust.UNTRUSTED, user_id="ann")
    await memory.remember(episode)

    result = await memory.recall(Scope("acme", agent_id="b"), "convert a Roman numeral")

    assert [item.episode for item in result.items] == [episode]
    assert result.low_confidence is False


async def test_remembering_twice_is_one_episode(memory, index):
    episode = lived()
    await memory.remember(episode)
    await memory.remember(episode)
    assert await index.count("acme") == 1


@pytest.mark.parametrize(
    ("visibility", "scope", "seen"),
    [
        (Visibility.TENANT, Scope("acme"), True),
        (Visibility.TENANT, Scope("globex", "a", "ann", "red"), False),
        (Visibility.AGENT, Scope("acme", "a"), True),
        (Visibility.AGENT, Scope("acme", "b", "ann", "red"), False),
        (Visibility.PRIVATE, Scope("acme", "a", "ann"), True),
        (Visibility.PRIVATE, Scope("acme", "a", "bob"), False),
        (Visibility.PRIVATE, Scope("acme", "a"), False),
        (Visibility.PRIVATE, Scope("acme", "b", "ann", "red"), False),
        (Visibility.TEAM, Scope("acme", "b", team_id="red"), True),
        (Visibility.TEAM, Scope("acme", "a", team_id="blue"), False),
        (Visibility.TEAM, Scope("acme", "a"), False),
        (Visibility.USER, Scope("acme", "b", user_id="ann"), True),
        (Visibility.USER, Scope("acme", "a", user_id="bob"), False),
    ],
)
async def test_visibility(memory, visibility, scope, seen):
    await memory.remember(lived(visibility=visibility, user_id="ann", team_id="red"))
    result = await memory.recall(scope, "Roman numerals")
    assert bool(result.items) is seen


async def test_private_episode_without_a_user_is_the_agents_own(memory):
    await memory.remember(lived(visibility=Visibility.PRIVATE))
    assert (await memory.recall(Scope("acme", "a"), "Roman numerals")).items
    assert not (await memory.recall(Scope("acme", "b"), "Roman numerals")).items


async def test_nothing_relevant_is_low_confidence(memory):
    await memory.remember(lived("Watered the tomatoes"))
    result = await memory.recall(Scope("acme"), "quarterly revenue of the Lisbon office")
    assert result.low_confidence is True


async def test_empty_memory_and_empty_query_are_low_confidence(memory):
    assert (await memory.recall(Scope("acme"), "anything")).low_confidence is True
    assert (await memory.recall(Scope("acme"), "  ")).low_confidence is True


async def test_min_score_drops_what_is_far_from_the_query(memory):
    near, far = lived("Converted Roman numerals"), lived("Watered the tomatoes")
    await memory.remember(near)
    await memory.remember(far)

    everything = await memory.recall(Scope("acme"), "Roman numerals conversion", min_score=0.0)
    usual = await memory.recall(Scope("acme"), "Roman numerals conversion")

    assert len(everything.items) == 2
    assert [item.episode.id for item in usual.items] == [near.id]


async def test_own_session_can_be_left_out(memory):
    episode = lived()
    await memory.remember(episode)
    result = await memory.recall(Scope("acme"), "Roman numerals", exclude_session=episode.session_id)
    assert result.items == ()


async def test_forgotten_episodes_are_gone_for_their_tenant_only(memory):
    episode = lived()
    await memory.remember(episode)
    await memory.forget("globex", [episode.id])
    assert (await memory.recall(Scope("acme"), "Roman numerals")).items
    await memory.forget("acme", [episode.id])
    assert not (await memory.recall(Scope("acme"), "Roman numerals")).items


async def test_point_that_is_no_episode_is_an_error_in_words(memory, index):
    await index.upsert([IndexPoint(uuid4(), "acme", "Roman numerals", {"visibility": "tenant"})])
    with pytest.raises(EpisodeFormatError, match="acme"):
        await memory.recall(Scope("acme"), "Roman numerals")


@pytest.mark.realmodel
@pytest.mark.skipif(MINILM_DIR is None, reason="HORTUS_TEST_MINILM_DIR names no folder with the model")
@pytest.mark.parametrize(
    ("query", "low"),
    [
        ("Turn the Roman numeral XLII into a decimal number", False),
        ("What is MMXXIV as a number?", False),
        ("Book a flight to Oslo", True),
        ("Summarise the quarterly report", True),
    ],
)
async def test_default_confidence_with_the_real_model(make_index, query, low):
    folder = Path(str(MINILM_DIR))
    embedder = await MiniLmEmbedder.load(folder / "model.onnx", folder / "tokenizer.json")
    memory = EpisodicMemory(make_index(embedder, keyword_fields=EPISODE_FIELDS))
    task = "Convert the Roman numeral MCMXCIV to an integer."
    await memory.remember(lived(task, content=f"On 2026-03-04 agent A was asked: {task}\nIt answered: 1994"))

    assert (await memory.recall(Scope("acme"), query)).low_confidence is low


@pytest.mark.realmodel
@pytest.mark.skipif(MINILM_DIR is None, reason="HORTUS_TEST_MINILM_DIR names no folder with the model")
async def test_a_young_memory_gives_what_fits_and_not_all_that_it_has(make_index):
    folder = Path(str(MINILM_DIR))
    embedder = await MiniLmEmbedder.load(folder / "model.onnx", folder / "tokenizer.json")
    memory = EpisodicMemory(make_index(embedder, keyword_fields=EPISODE_FIELDS))
    for task in ("What is 17 x 23?", "Multiply 17 by 23 and add 4.", "Write a haiku about autumn."):
        await memory.remember(lived(task, content=f"On 2026-03-04 agent A was asked: {task}\nThe run succeeded."))

    haiku = await memory.recall(Scope("acme"), "A haiku on the first snow, please.")
    nothing = await memory.recall(Scope("acme"), "Draft an e-mail to the supplier about the pumps.")

    assert [item.episode.title for item in haiku.items] == ["Write a haiku about autumn."]
    assert (haiku.low_confidence, nothing.items, nothing.low_confidence) == (False, (), True)
