"""Sensitivity that people give by hand: floors under what labels say."""

from dataclasses import dataclass
from datetime import datetime

from hortus_agents.labels import Sensitivity


@dataclass(frozen=True, slots=True)
class Floor:
    """The least sensitivity that counts; `tool` is the name of the tool whose results it is about, "" the tenant."""

    tool: str
    sensitivity: Sensitivity
    reason: str
    set_by: str
    set_at: datetime
