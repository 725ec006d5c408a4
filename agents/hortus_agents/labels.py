"""Labels: where a text came from, how far it is trusted and how sensitive it is."""

from dataclasses import dataclass
from typing import Literal

from hortus_agents.messages import Frozen

Origin = Literal["user", "system", "tool", "web", "agent", "memory"]
Trust = Literal[0, 1, 2]
"""0: anybody may have written it. 1: a tool or an agent of this server made it. 2: the user or the operator said it."""
Sensitivity = Literal[0, 1, 2]
"""0: public. 1: the tenant's own. 2: confidential."""


class Label(Frozen):
    """The label of one text. The tenant is not part of it: a text never leaves its own."""

    origin: Origin
    trust: Trust
    sensitivity: Sensitivity = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What a run has read by now: the Rule of Two counts `untrusted` (A) and `sensitive` (B).

    Both name sources, oldest first; what changes the outside (C) is the call that is judged.
    """

    untrusted: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()


NOTHING_READ = RunLabels()
