"""What is recalled and remembered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_agents.labels import Label
from hortus_agents.messages import Frozen


class RecallReason(Frozen):
    """Why a memory was found.

    `cosine` in [-1, 1] is how near its meaning is, None where it was not among the nearest; `coverage` in [0, 1] is the
    share of the query's words that it holds. Ranks begin at 1 and are None where that search did not find it.
    """

    cosine: float | None = None
    coverage: float = 0.0
    meaning_rank: int | None = None
    words_rank: int | None = None


class RecalledItem(Frozen):
    """One memory as it was shown to the model; `why` is absent from what was written before reasons were kept."""

    memory_id: UUID
    title: str
    content: str
    score: float
    occurred_at: datetime
    session_id: UUID | None = None
    run_id: UUID | None = None
    label: Label | None = None
    why: RecallReason | None = None


class MemoryRecalled(Frozen):
    """What memory gave for a query; `unavailable` says that the index was down and the run went on without."""

    type: Literal["memory.recalled"] = "memory.recalled"
    query: str
    items: tuple[RecalledItem, ...]
    low_confidence: bool
    unavailable: bool = False


class MemoryWritten(Frozen):
    """A memory of this session exists; the sequence numbers point at what it was made from."""

    type: Literal["memory.written"] = "memory.written"
    memory_id: UUID
    kind: Literal["episode", "note"]
    title: str
    source_first_seq: int
    source_last_seq: int
    label: Label | None = None
