"""What the user says to a run that is under way."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from hortus_agents.messages import Message


@dataclass(frozen=True, slots=True)
class Steering:
    """One message; the model call after it is the first to see it."""

    message_id: UUID
    content: str

    def as_message(self) -> Message:
        """As the model reads it."""
        return Message(role="user", content=self.content)


Steerings = tuple[Steering, ...]


def split_heard(said: Steerings, heard: Collection[UUID]) -> tuple[Steerings, Steerings]:
    """Those of `said` that a model call saw, and those that still have to be seen."""
    seen = tuple(each for each in said if each.message_id in heard)
    return seen, tuple(each for each in said if each.message_id not in heard)
