"""Write the episode of a finished run: a point, a row and an event, all under an id derived from the run's."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from hortus_agents.events import (
    TERMINAL_EVENTS,
    Event,
    MemoryWritten,
    MessageCompleted,
    MessageCreated,
    NewEvent,
    RunQueued,
    ToolFinished,
)
from hortus_agents.labels import Label
from hortus_agents.loop.labelling import label_of_log
from hortus_agents.loop.state import RunState
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.fencing import unfenced
from hortus_agents.tools.redaction import Redactor
from hortus_memory.segmentation.narrate import RunTranscript, ToolUse, build_episode
from hortus_memory.service import EpisodicMemory
from hortus_memory.types import Episode, Scope
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import MemoryId, RunId, SessionId, TenantId
from hortus_server.domain.records import Memory, Run
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.agent_memory import VISIBILITIES, episode_id, to_episode, to_trust
from hortus_server.services.know_secrets import RedactorOf, no_secrets

_PAGE = 500
_UNREMEMBERED = frozenset({"cancelled"})  # a stop says nothing about the task


def memory_rule(spec: AgentSpec) -> Callable[[RunState], bool]:
    """A job of memory is owed where the model said something and the agent keeps episodes or notes."""
    keeps = spec.memory.remember or "remember" in spec.tools
    return lambda state: keeps and state.spent.model_calls > 0


@dataclass(frozen=True, slots=True)
class _Lived:
    run: Run
    agent_name: str
    spec: AgentSpec
    events: tuple[Event, ...]

    @property
    def label(self) -> Label:
        """What all that it leaves behind is made of."""
        return label_of_log((event.payload for event in self.events), self.spec)


@dataclass(frozen=True, slots=True)
class RememberRun:
    """Idempotent. The point is written before the row, so that a row always has its point."""

    store: Store
    episodes: EpisodicMemory
    live: LivePublisher
    know_secrets: RedactorOf = no_secrets
    clock: Clock = utc_now

    async def __call__(self, tenant_id: TenantId, run_id: RunId) -> None:
        """Raises HortusMemoryError when the index is down: the job comes again. A deleted run owes nothing.

        A run that was rolled back leaves nothing: what it had noted is forgotten.
        """
        try:
            if await self._is_undone(tenant_id, run_id):
                return
            lived, notes = await self._read(tenant_id, run_id)
        except NotFoundError:
            return
        for note in notes:
            await self.episodes.remember(to_episode(note))
            async with self.store.transaction(tenant_id) as uow:
                await uow.memories.mark_indexed(tenant_id, note.id)
        if lived.spec.memory.remember and lived.run.status not in _UNREMEMBERED:
            await self._write_episode(lived)

    async def _is_undone(self, tenant_id: TenantId, run_id: RunId) -> bool:
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.runs.get(tenant_id, run_id)
            if run.rolled_back_at is None:
                return False
            written = [event.payload async for event in _events(uow, run) if isinstance(event.payload, MemoryWritten)]
            await uow.interjections.roll_back(tenant_id, run_id)
        await self.episodes.forget(str(tenant_id), [note.memory_id for note in written])
        return True

    async def _write_episode(self, lived: _Lived) -> None:
        run = lived.run
        episode = self._build(lived, await self.know_secrets(run.tenant_id))
        await self.episodes.remember(episode)
        try:
            written = await self._write_row(lived, episode)
        except NotFoundError:  # the session was deleted while we wrote
            await self.episodes.forget(str(run.tenant_id), [episode.id])
            return
        await self.live.publish_events(run.tenant_id, run.session_id, written)

    async def _read(self, tenant_id: TenantId, run_id: RunId) -> tuple[_Lived, list[Memory]]:
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.runs.get(tenant_id, run_id)
            events = tuple([event async for event in _events(uow, run)])
            queued = next(event.payload for event in events if isinstance(event.payload, RunQueued))
            agent = await uow.agents.get(tenant_id, run.agent_id)
            version = await uow.agents.get_version(tenant_id, run.agent_id, queued.agent_version)
            notes = [
                await uow.memories.get(tenant_id, MemoryId(event.payload.memory_id))
                for event in events
                if isinstance(event.payload, MemoryWritten) and event.payload.kind == "note"
            ]
        return _Lived(run, agent.name, version.spec, events), [note for note in notes if note.indexed_at is None]

    def _build(self, lived: _Lived, redactor: Redactor) -> Episode:
        run = lived.run
        ended_at = next(event.at for event in reversed(lived.events) if event.type in TERMINAL_EVENTS)
        transcript = RunTranscript(
            run_id=run.id,
            session_id=run.session_id,
            agent_name=lived.agent_name,
            # The log holds what users said as they said it; a memory is read by others.
            task=redactor.text(_task(lived.events)),
            # Memories fill with copies of themselves where what was recalled is remembered as said.
            answer=redactor.text(unfenced(_answer(lived.events) or run.output or "")),
            outcome=run.status,
            tools=_tools(lived.events),
            finished_at=ended_at,
            first_seq=lived.events[0].seq,
            last_seq=lived.events[-1].seq,
        )
        return build_episode(
            transcript,
            Scope(tenant_id=str(run.tenant_id), agent_id=str(run.agent_id)),
            episode_id=episode_id(run.id),
            created_at=self.clock(),
            visibility=VISIBILITIES[lived.spec.memory.visibility],
            trust=to_trust(lived.label),
            sensitivity=lived.label.sensitivity,
        )

    async def _write_row(self, lived: _Lived, episode: Episode) -> tuple[Event, ...]:
        run = lived.run
        row = Memory(
            id=MemoryId(episode.id),
            tenant_id=run.tenant_id,
            agent_id=run.agent_id,
            session_id=SessionId(episode.session_id),
            run_id=run.id,
            kind="episode",
            visibility=lived.spec.memory.visibility,
            title=episode.title,
            content=episode.content,
            source_first_seq=episode.source_seqs[0],
            source_last_seq=episode.source_seqs[1],
            occurred_at=episode.occurred_at,
            created_at=episode.created_at,
            indexed_at=episode.created_at,
            label=lived.label,
        )
        written = MemoryWritten(
            memory_id=row.id,
            kind="episode",
            title=row.title,
            source_first_seq=row.source_first_seq,
            source_last_seq=row.source_last_seq,
            label=row.label,
        )
        async with self.store.transaction(run.tenant_id) as uow:
            if not await uow.memories.add(row):
                await uow.memories.mark_indexed(run.tenant_id, row.id)
                return ()
            return await uow.events.append(run.tenant_id, run.session_id, [NewEvent(payload=written)], run_id=run.id)


async def _events(uow: UnitOfWork, run: Run) -> AsyncIterator[Event]:
    """The run's own events up to its end; what was added later belongs to no episode."""
    after = 0
    while True:
        page = await uow.events.list_after(run.tenant_id, run.session_id, after=after, limit=_PAGE, run_id=run.id)
        for event in page:
            yield event
            if event.type in TERMINAL_EVENTS:
                return
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _task(events: Sequence[Event]) -> str:
    """What the run was asked for, not what it was told on the way."""
    said = (event.payload for event in events if isinstance(event.payload, MessageCreated))
    return next((message.content for message in said if not message.steers), "")


def _answer(events: Sequence[Event]) -> str:
    payloads = (event.payload for event in reversed(events))
    return next((payload.content for payload in payloads if isinstance(payload, MessageCompleted)), "")


def _tools(events: Sequence[Event]) -> list[ToolUse]:
    return [
        ToolUse(event.payload.name, None if event.payload.outcome == "ok" else event.payload.content)
        for event in events
        if isinstance(event.payload, ToolFinished) and event.payload.outcome != "duplicate"
    ]
