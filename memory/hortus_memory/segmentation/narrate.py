"""An episode from a run, without a model: a dated third-person account of task, tools, outcome and answer.

Deterministic: the same transcript gives the same episode, so that a repeated memory task changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from hortus_memory.types import Episode, Scope, Trust, Visibility

_TITLE_CHARS = 120
_TASK_CHARS = 800
_ANSWER_CHARS = 1200
_FAILURE_CHARS = 200
_MAX_TOOLS = 12
_MAX_FAILURES = 3


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call of a run; `failure` is its error text, None if it succeeded."""

    name: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RunTranscript:
    """What a finished run leaves to be remembered.

    `outcome` is the run's terminal status word; `first_seq` and `last_seq` are its first and last event.
    """

    run_id: UUID
    session_id: UUID
    agent_name: str
    task: str
    answer: str
    outcome: str
    tools: Sequence[ToolUse]
    finished_at: datetime
    first_seq: int
    last_seq: int


def build_episode(
    run: RunTranscript,
    scope: Scope,
    *,
    episode_id: UUID,
    created_at: datetime,
    visibility: Visibility = Visibility.TENANT,
    trust: Trust = Trust.DERIVED,
    sensitivity: int = 0,
) -> Episode:
    """The episode of a run, at most about 3,500 characters.

    Raises:
        ValueError: the scope names no agent, or a time is naive.
    """
    if scope.agent_id is None:
        raise ValueError("an episode needs the agent that lived it")
    task = _clean(run.task, _TASK_CHARS)
    return Episode(
        id=episode_id,
        tenant_id=scope.tenant_id,
        agent_id=scope.agent_id,
        session_id=run.session_id,
        run_id=run.run_id,
        title=shorten(task, _TITLE_CHARS) or "(no task text)",
        content=_narrate(run, task),
        occurred_at=run.finished_at,
        created_at=created_at,
        source_seqs=(run.first_seq, run.last_seq),
        visibility=visibility,
        trust=trust,
        sensitivity=sensitivity,
        user_id=scope.user_id,
        team_id=scope.team_id,
    )


def _narrate(run: RunTranscript, task: str) -> str:
    date = run.finished_at.astimezone(UTC).strftime("%Y-%m-%d")
    sentences = [f"On {date} agent {run.agent_name} was asked: {task}"]
    if run.tools:
        sentences.append(_tell_tools(run.tools))
    sentences += [
        f"{use.name} failed: {_clean(use.failure, _FAILURE_CHARS)}" for use in run.tools if use.failure is not None
    ][:_MAX_FAILURES]
    sentences.append(f"The run ended as {run.outcome}.")
    answer = _clean(run.answer, _ANSWER_CHARS)
    sentences.append(f"It answered: {answer}" if answer else "It gave no answer.")
    return "\n".join(sentences)


def _tell_tools(tools: Sequence[ToolUse]) -> str:
    counts = Counter(use.name for use in tools)
    told = [name if count == 1 else f"{name} ({count} times)" for name, count in counts.items()]
    rest = len(told) - _MAX_TOOLS
    listed = ", ".join(told[:_MAX_TOOLS]) + (f" and {rest} more" if rest > 0 else "")
    return f"It used {listed}."


def _clean(text: str, max_chars: int) -> str:
    return shorten(" ".join(text.split()), max_chars)


def shorten(text: str, max_chars: int) -> str:
    """The text cut at a word's end to at most `max_chars`, with an ellipsis if something was cut."""
    if len(text) <= max_chars:
        return text
    cut = text[: max_chars - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > max_chars // 2 else cut).rstrip() + "…"
