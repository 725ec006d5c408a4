"""Episodic memory: what agents lived through, recalled by meaning and by words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hortus_memory.errors import EpisodeFormatError
from hortus_memory.ports import HybridIndex
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_memory.types import (
    Episode,
    IndexPoint,
    Match,
    Payload,
    RecalledEpisode,
    RecallResult,
    Scope,
    SearchFilter,
    Trust,
    Visibility,
)

EPISODE_FIELDS = ("visibility", "agent_id", "user_id", "team_id", "session_id")
"""Payload fields that recall filters by; the index of episodes is made with these as keyword fields."""

_DEFAULT_CONFIDENCE = ConfidencePolicy()


class EpisodicMemory:
    """Stores and recalls episodes over one hybrid index. Safe for concurrent use."""

    def __init__(self, index: HybridIndex, *, confidence: ConfidencePolicy = _DEFAULT_CONFIDENCE) -> None:
        self._index = index
        self._confidence = confidence

    async def remember(self, episode: Episode) -> None:
        """Store an episode; again with the same id it replaces the former.

        Raises:
            HortusMemoryError: not stored; try again later.
        """
        point = IndexPoint(
            id=episode.id,
            tenant_id=episode.tenant_id,
            text=f"{episode.title}\n{episode.content}",
            payload=_to_payload(episode),
        )
        await self._index.upsert([point])

    async def recall(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int = 5,
        min_score: float | None = None,
        exclude_session: UUID | None = None,
    ) -> RecallResult:
        """Episodes that the scope may see, best first, and whether any of them seems to fit.

        Args:
            scope: on whose behalf; decides tenant and visibility.
            query: the task or question, in words.
            limit: most episodes to return.
            min_score: least cosine of a returned episode, the policy's floor if not given; those with enough of the
                query's words stay anyway.
            exclude_session: leave out what this session itself wrote.

        Raises:
            IndexUnavailableError: no answer within the index's time limit; go on without recall.
            HortusMemoryError: any other failure.
        """
        if not query.strip():
            return RecallResult()
        own = () if exclude_session is None else (Match("session_id", (str(exclude_session),)),)
        where = SearchFilter(none_of=own, any_of=_visible_to(scope))
        found = await self._index.search(scope.tenant_id, query, limit=limit, where=where)
        rules = self._confidence if min_score is None else replace(self._confidence, floor=min_score)
        kept = [item for item in found if rules.may_fit(item)]
        return RecallResult(
            items=tuple(RecalledEpisode(_from_payload(scope.tenant_id, item.payload), item) for item in kept),
            low_confidence=self._confidence.is_low(kept),
        )

    async def forget(self, tenant_id: str, ids: Sequence[UUID]) -> None:
        """Delete episodes of a tenant; absent ones do not matter.

        Raises:
            HortusMemoryError: perhaps not deleted; try again later.
        """
        await self._index.delete(tenant_id, ids)


def _visible_to(scope: Scope) -> tuple[tuple[Match, ...], ...]:
    def seen(visibility: Visibility, *matches: Match) -> tuple[Match, ...]:
        return (Match("visibility", (visibility.value,)), *matches)

    groups = [seen(Visibility.TENANT)]
    if scope.agent_id is not None:
        agent = Match("agent_id", (scope.agent_id,))
        groups.append(seen(Visibility.AGENT, agent))
        groups.append(seen(Visibility.PRIVATE, agent, Match("user_id", (scope.user_id or "",))))
    if scope.team_id is not None:
        groups.append(seen(Visibility.TEAM, Match("team_id", (scope.team_id,))))
    if scope.user_id is not None:
        groups.append(seen(Visibility.USER, Match("user_id", (scope.user_id,))))
    return tuple(groups)


def _to_payload(episode: Episode) -> dict[str, Any]:
    # Absent user and team are stored as '' so that "no user" can be matched like any other value.
    return {
        "id": str(episode.id),
        "agent_id": episode.agent_id,
        "session_id": str(episode.session_id),
        "run_id": str(episode.run_id),
        "title": episode.title,
        "content": episode.content,
        "occurred_at": episode.occurred_at.isoformat(),
        "created_at": episode.created_at.isoformat(),
        "source_seqs": list(episode.source_seqs),
        "visibility": episode.visibility.value,
        "trust": episode.trust.value,
        "sensitivity": episode.sensitivity,
        "user_id": episode.user_id or "",
        "team_id": episode.team_id or "",
    }


def _from_payload(tenant_id: str, payload: Payload) -> Episode:
    try:
        first, last = payload["source_seqs"]
        return Episode(
            id=UUID(payload["id"]),
            tenant_id=tenant_id,
            agent_id=payload["agent_id"],
            session_id=UUID(payload["session_id"]),
            run_id=UUID(payload["run_id"]),
            title=payload["title"],
            content=payload["content"],
            occurred_at=datetime.fromisoformat(payload["occurred_at"]),
            created_at=datetime.fromisoformat(payload["created_at"]),
            source_seqs=(int(first), int(last)),
            visibility=Visibility(payload["visibility"]),
            trust=Trust(payload["trust"]),
            sensitivity=int(payload.get("sensitivity", 1)),  # from before it was kept
            user_id=payload["user_id"] or None,
            team_id=payload["team_id"] or None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EpisodeFormatError(f"a stored episode of tenant {tenant_id} cannot be read: {error!r}") from error
