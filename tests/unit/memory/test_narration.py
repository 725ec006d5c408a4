"""Episodes from transcripts."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hortus_memory.segmentation.narrate import RunTranscript, ToolUse, build_episode, shorten
from hortus_memory.types import Episode, Scope, Trust, Visibility

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
EPISODE_ID = UUID(int=1)
SCOPE = Scope("acme", agent_id="agent-1", user_id="ann")


def transcript(**changes: object) -> RunTranscript:
    values: dict[str, object] = {
        "run_id": UUID(int=2),
        "session_id": UUID(int=3),
        "agent_name": "Clerk",
        "task": "Convert MCMXCIV\nto a number",
        "answer": "1994",
        "outcome": "succeeded",
        "tools": (ToolUse("roman"), ToolUse("roman"), ToolUse("http_get", failure="403 forbidden")),
        "finished_at": NOW,
        "first_seq": 4,
        "last_seq": 19,
    }
    return RunTranscript(**{**values, **changes})  # type: ignore[arg-type]


def episode(run: RunTranscript | None = None, **options: object) -> Episode:
    return build_episode(run or transcript(), SCOPE, episode_id=EPISODE_ID, created_at=NOW, **options)  # type: ignore[arg-type]


def test_episode_tells_date_task_tools_failures_outcome_and_answer():
    assert episode().content.splitlines() == [
        "On 2026-03-04 agent Clerk was asked: Convert MCMXCIV to a number",
        "It used roman (2 times), http_get.",
        "http_get failed: 403 forbidden",
        "The run ended as succeeded.",
        "It answered: 1994",
    ]


def test_episode_carries_provenance_and_labels():
    made = episode(visibility=Visibility.PRIVATE, trust=Trust.UNTRUSTED)
    assert (made.run_id, made.session_id, made.source_seqs) == (UUID(int=2), UUID(int=3), (4, 19))
    assert (made.agent_id, made.user_id, made.tenant_id) == ("agent-1", "ann", "acme")
    assert (made.visibility, made.trust) == (Visibility.PRIVATE, Trust.UNTRUSTED)
    assert made.title == "Convert MCMXCIV to a number"


def test_episode_is_visible_in_the_whole_tenant_by_default():
    assert episode().visibility is Visibility.TENANT


def test_date_is_told_in_utc():
    late = datetime(2026, 3, 5, 1, tzinfo=timezone(timedelta(hours=3)))
    assert episode(transcript(finished_at=late)).content.startswith("On 2026-03-04 ")


def test_same_transcript_gives_the_same_episode():
    assert episode() == episode()


def test_episode_length_is_bounded():
    tools = tuple(ToolUse(f"tool{number}", failure="x" * 9999) for number in range(500))
    made = episode(transcript(task="t " * 9999, answer="a " * 9999, tools=tools))
    assert len(made.content) < 3500
    assert len(made.title) <= 120
    assert "and 488 more" in made.content


def test_run_without_task_answer_and_tools_is_still_an_episode():
    made = episode(transcript(task="", answer="", tools=(), outcome="cancelled"))
    assert made.title == "(no task text)"
    assert "gave no answer" in made.content


def test_episode_needs_an_agent_aware_times_and_provenance():
    with pytest.raises(ValueError, match="agent"):
        build_episode(transcript(), Scope("acme"), episode_id=EPISODE_ID, created_at=NOW)
    with pytest.raises(ValueError, match="aware"):
        build_episode(transcript(), SCOPE, episode_id=EPISODE_ID, created_at=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="empty"):
        episode(transcript(first_seq=5, last_seq=4))


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_shorten_never_exceeds_the_bound(text, bound):
    assert len(shorten(text, bound)) <= bound
