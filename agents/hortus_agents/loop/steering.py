"""What the user says to a run that is under way."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from hortus_agents.labels import Label
from hortus_agents.loop.labelling import said_text
from hortus_agents.messages import Message


@dataclass(frozen=True, slots=True)
class Steering:
    """One message; the model call after it is the first to see it."""

    message_id: UUID
    content: str
    label: Label | None = None

    def as_message(self) -> Message:
        """As the model reads it."""
        return Message(role="user", content=said_text(self.content, self.label))


Steerings = tuple[Steering, ...]


def split_heard(said: Steerings, heard: Collection[UUID]) -> tuple[Steerings, Steerings]:
    """Those of `said` that a model call saw, and those that still have to be seen."""
    seen = tuple(each for each in said if each.message_id in heard)
    return seen, tuple(each for each in said if each.message_id not in heard)
