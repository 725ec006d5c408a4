"""Memory for agents and people: rows in PostgreSQL are the truth, the vector index finds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import structlog

from hortus_agents.events import MemoryRecalled, MemoryWritten, RecalledItem, RecallReason
from hortus_agents.labels import UNKNOWN, Label
from hortus_agents.tools.memory import MemoryScope
from hortus_memory.errors import HortusMemoryError
from hortus_memory.ports import HybridIndex
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_memory.service import EpisodicMemory
from hortus_memory.types import Episode, RecallResult, Scope, ScoredItem, Trust, Visibility
from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.domain.ids import AgentId, MemoryId, RunId, SessionId, TenantId
from hortus_server.domain.records import Memory
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.memory_index import MemoryHit, MemoryHits
from hortus_server.ports.store import Store

log = structlog.get_logger()

TITLE_LIMIT = 120
_TRUST = {0: Trust.UNTRUSTED, 1: Trust.DERIVED, 2: Trust.TRUSTED}
VISIBILITIES = {"private": Visibility.AGENT, "tenant": Visibility.TENANT}


def episode_id(run_id: UUID) -> MemoryId:
    """The id of a run's episode: derived, so that writing it again writes the same one."""
    return MemoryId(uuid5(run_id, "episode"))


def note_id(run_id: UUID, key: str) -> MemoryId:
    """The id of a note that a run wrote under `key`."""
    return MemoryId(uuid5(run_id, f"note/{key}"))


def to_episode(memory: Memory) -> Episode:
    """A row as what the index takes."""
    return Episode(
        id=memory.id,
        tenant_id=str(memory.tenant_id),
        agent_id=str(memory.agent_id),
        session_id=memory.session_id,
        run_id=memory.run_id,
        title=memory.title,
        content=memory.content,
        occurred_at=memory.occurred_at,
        created_at=memory.created_at,
        source_seqs=(memory.source_first_seq, memory.source_last_seq),
        visibility=VISIBILITIES[memory.visibility],
        trust=to_trust(memory.label),
        sensitivity=memory.counted_label.sensitivity,
    )


@dataclass(frozen=True, slots=True)
class RowsAndIndex:
    """Implements AgentMemory. What the index still holds of a deleted memory is never shown, for want of a row."""

    store: Store
    episodes: EpisodicMemory
    clock: Clock = utc_now

    async def recall(self, query: str, *, scope: MemoryScope, limit: int) -> MemoryRecalled:
        """See AgentMemory."""
        on_behalf = Scope(tenant_id=str(scope.tenant_id), agent_id=str(scope.agent_id))
        try:
            found = await self.episodes.recall(on_behalf, query, limit=limit + 1)  # one may be of the run itself
        except HortusMemoryError as error:
            log.warning("recall_unavailable", error=str(error))
            return MemoryRecalled(query=query, items=(), low_confidence=True, unavailable=True)
        items = (await self._with_rows(found, scope))[:limit]
        return MemoryRecalled(query=query, items=items, low_confidence=found.low_confidence or not items)

    async def _with_rows(self, found: RecallResult, scope: MemoryScope) -> tuple[RecalledItem, ...]:
        items: list[RecalledItem] = []
        if not found.items:
            return ()
        async with self.store.transaction(TenantId(scope.tenant_id)) as uow:
            for hit in found.items:
                if hit.episode.run_id == scope.run_id:
                    continue
                try:
                    row = await uow.memories.get(TenantId(scope.tenant_id), MemoryId(hit.episode.id))
                except NotFoundError:
                    continue
                items.append(
                    RecalledItem(
                        memory_id=row.id,
                        title=row.title,
                        content=row.content,
                        score=hit.match.score,
                        occurred_at=row.occurred_at,
                        session_id=row.session_id,
                        run_id=row.run_id,
                        label=_recalled(row),
                        why=_reason(hit.match),
                    )
                )
        return tuple(items)

    async def remember(self, text: str, *, scope: MemoryScope, key: str) -> MemoryWritten:
        """See AgentMemory. While the index is down the row waits; the run's memory job indexes it later."""
        now = self.clock()
        async with self.store.transaction(TenantId(scope.tenant_id)) as uow:
            session = await uow.sessions.get(TenantId(scope.tenant_id), SessionId(scope.session_id))
            note = Memory(
                id=note_id(scope.run_id, key),
                tenant_id=TenantId(scope.tenant_id),
                agent_id=AgentId(scope.agent_id),
                session_id=SessionId(scope.session_id),
                run_id=RunId(scope.run_id),
                kind="note",
                visibility=scope.visibility,
                title=_first_line(text),
                content=text,
                source_first_seq=session.last_seq,
                source_last_seq=session.last_seq,
                occurred_at=now,
                created_at=now,
                indexed_at=None,
                label=scope.label,
            )
            if not await uow.memories.add(note):
                note = await uow.memories.get(note.tenant_id, note.id)
        await index_memory(self.store, self.episodes, note)
        return MemoryWritten(
            memory_id=note.id,
            kind="note",
            title=note.title,
            source_first_seq=note.source_first_seq,
            source_last_seq=note.source_last_seq,
            label=note.label,
        )


async def index_memory(store: Store, episodes: EpisodicMemory, memory: Memory) -> bool:
    """Put a row into the index and note that it is there; False when the index is down."""
    try:
        await episodes.remember(to_episode(memory))
    except HortusMemoryError as error:
        log.warning("memory_not_indexed", memory_id=str(memory.id), error=str(error))
        return False
    async with store.transaction(memory.tenant_id) as uow:
        await uow.memories.mark_indexed(memory.tenant_id, memory.id)
    return True


@dataclass(frozen=True, slots=True)
class EpisodeIndex:
    """Implements MemoryIndex, for people's searches."""

    index: HybridIndex
    episodes: EpisodicMemory
    confidence: ConfidencePolicy

    async def search(
        self, tenant_id: TenantId, query: str, *, limit: int, agent_id: AgentId | None = None
    ) -> MemoryHits:
        """See MemoryIndex."""
        try:
            if agent_id is not None:
                scope = Scope(tenant_id=str(tenant_id), agent_id=str(agent_id))
                recalled = await self.episodes.recall(scope, query, limit=limit, min_score=0.0)
                hits = tuple(_hit(item.match) for item in recalled.items)
                return MemoryHits(hits, recalled.low_confidence)
            found = await self.index.search(str(tenant_id), query, limit=limit)
        except HortusMemoryError as error:
            raise UnavailableError("memory", str(error)) from error
        hits = tuple(_hit(item) for item in found)
        return MemoryHits(hits, self.confidence.is_low(found))

    async def put(self, memory: Memory) -> None:
        """See MemoryIndex."""
        try:
            await self.episodes.remember(to_episode(memory))
        except HortusMemoryError as error:
            raise UnavailableError("memory", str(error)) from error

    async def forget(self, tenant_id: TenantId, ids: Sequence[MemoryId]) -> None:
        """See MemoryIndex."""
        try:
            await self.episodes.forget(str(tenant_id), list(ids))
        except HortusMemoryError as error:
            raise UnavailableError("memory", str(error)) from error


def to_trust(label: Label | None) -> Trust:
    """What the index keeps of a label; without one, untrusted."""
    return _TRUST[(label or UNKNOWN).trust]


def _reason(match: ScoredItem) -> RecallReason:
    return RecallReason(
        cosine=match.cosine, coverage=match.coverage, meaning_rank=match.dense_rank, words_rank=match.sparse_rank
    )


def _hit(match: ScoredItem) -> MemoryHit:
    return MemoryHit(MemoryId(match.id), match.score, _reason(match))


def _recalled(row: Memory) -> Label:
    label = row.counted_label
    return label.model_copy(update={"origin": "memory", "source": label.source or f"memory {row.id}"})


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "(empty)"
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 1] + "…"
