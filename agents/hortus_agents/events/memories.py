"""What is recalled and remembered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_agents.labels import Label
from hortus_agents.messages import Frozen


class RecalledItem(Frozen):
    """One memory as it was shown to the model."""

    memory_id: UUID
    title: str
    content: str
    score: float
    occurred_at: datetime
    session_id: UUID | None = None
    run_id: UUID | None = None
    label: Label | None = None


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
