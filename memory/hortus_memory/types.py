"""Values that memory is about. All frozen; times are aware and UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

Payload = Mapping[str, Any]
"""JSON object stored beside a vector."""


class Visibility(StrEnum):
    """Who may recall an item of a tenant; nothing ever leaves its tenant."""

    PRIVATE = "private"  # the agent that wrote it, serving the same user
    AGENT = "agent"  # the agent that wrote it
    TEAM = "team"  # all agents of the team it was written in
    USER = "user"  # all agents serving the same user
    TENANT = "tenant"  # all agents of the tenant


class Trust(StrEnum):
    """Where an item's text comes from; recalled text of lower trust must not steer side effects."""

    TRUSTED = "trusted"  # written by a person or by the server itself
    DERIVED = "derived"  # distilled from a run of our own agents
    UNTRUSTED = "untrusted"  # contains text from outside (web pages, tool results)


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf memory is used."""

    tenant_id: str
    agent_id: str | None = None
    user_id: str | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """What happened in a run, told in the third person and dated.

    `source_seqs` are the first and last event of the session's log that the episode was made of; `sensitivity` is 0 for
    what is public, 1 for the tenant's own, 2 for what is confidential.
    """

    id: UUID
    tenant_id: str
    agent_id: str
    session_id: UUID
    run_id: UUID
    title: str
    content: str
    occurred_at: datetime
    created_at: datetime
    source_seqs: tuple[int, int]
    visibility: Visibility = Visibility.TENANT
    trust: Trust = Trust.DERIVED
    sensitivity: int = 0
    user_id: str | None = None
    team_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse naive times and empty provenance: both would be wrong silently and much later."""
        if self.occurred_at.tzinfo is None or self.created_at.tzinfo is None:
            raise ValueError("an episode's times must be aware")
        first, last = self.source_seqs
        if first > last:
            raise ValueError(f"source_seqs {first}..{last} is empty")


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """A text to be found again, with what shall be returned for it."""

    id: UUID
    tenant_id: str
    text: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Match:
    """The payload field equals one of the values."""

    field: str
    values: tuple[str | int, ...]

    def __post_init__(self) -> None:
        """Refuse what would silently match nothing."""
        if not self.values:
            raise ValueError(f"a match on {self.field!r} needs at least one value")
        if any(isinstance(value, bool) for value in self.values):
            raise ValueError(f"a match on {self.field!r} cannot name booleans: not every index matches them")


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """All of `all_of`, none of `none_of`, and at least one group of `any_of` (if any) with all its matches."""

    all_of: tuple[Match, ...] = ()
    none_of: tuple[Match, ...] = ()
    any_of: tuple[tuple[Match, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """A point that a search found.

    `score` is the fused rank score: it orders items of one search and means nothing across searches.
    `cosine` is the dense similarity in [-1, 1], None if the item was not among the dense candidates.
    `coverage` is the share in [0, 1] of the query's content words that the text contains.
    Ranks start at 1 and are None where a ranking did not contain the item.
    """

    id: UUID
    text: str
    payload: Payload
    score: float
    dense_rank: int | None
    sparse_rank: int | None
    cosine: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class RecalledEpisode:
    """An episode with the evidence of why it was recalled."""

    episode: Episode
    match: ScoredItem


@dataclass(frozen=True, slots=True)
class RecallResult:
    """Episodes in falling relevance; `low_confidence` tells the agent that none of them may fit."""

    items: tuple[RecalledEpisode, ...] = field(default=())
    low_confidence: bool = True
