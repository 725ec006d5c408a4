"""Labels: where a text came from, how far it is trusted and how sensitive it is.

A label of something derived is never cleaner than the worst of what it came from: trust only falls and sensitivity
only rises along a derivation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from hortus_agents.messages import Frozen

Origin = Literal["user", "system", "tool", "web", "agent", "memory"]
Trust = Literal[0, 1, 2]
"""0: anybody may have written it. 1: a tool or an agent of this server made it. 2: the user or the operator said it."""
Sensitivity = Literal[0, 1, 2]
"""0: public. 1: the tenant's own. 2: confidential."""

UNTRUSTED: Final = 0
CONFIDENTIAL: Final[Sensitivity] = 2
MOST_SOURCES = 16  # that a run names of each kind; it stays marked, however many more there are
LONGEST_SOURCE = 200  # characters
MOST_WORDS = 100_000  # characters of what a run remembers as the user's own words; the oldest go first


class Label(Frozen):
    """The label of one text. The tenant is not part of it: a text never leaves its own."""

    origin: Origin
    trust: Trust
    sensitivity: Sensitivity = 0
    source: str = ""

    @property
    def untrusted(self) -> bool:
        """Whether anybody may have written it."""
        return self.trust == UNTRUSTED

    def join(self, other: "Label") -> "Label":
        """The label of something made of both: the lower trust with its source, the higher sensitivity."""
        worse = other if other.trust < self.trust else self
        return worse.model_copy(update={"sensitivity": max(self.sensitivity, other.sensitivity)})


USER: Final = Label(origin="user", trust=2)
SERVER: Final = Label(origin="system", trust=2)
UNKNOWN: Final = Label(origin="tool", trust=0, sensitivity=1, source="a text without a label")
"""What stands in for a label that is missing."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A call of a plan that was fixed before the run read anything untrusted.

    `tainted` names those of its arguments that hold values out of untrusted text.
    """

    tainted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What a run has read by now: the Rule of Two counts `untrusted` (A) and `sensitive` (B).

    Both name sources, oldest first; what changes the outside (C) is the call that is judged. `words` are the texts that
    the user or the operator said to this run. `planned` is set for a call that a plan foresaw.
    """

    untrusted: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    sensitivity: Sensitivity = 0
    words: tuple[str, ...] = ()
    planned: Planned | None = None

    def read(self, label: Label) -> "RunLabels":
        """After one more text. Nothing that is read takes a mark away."""
        source = (label.source or label.origin)[:LONGEST_SOURCE]
        untrusted = _with(self.untrusted, source) if label.untrusted else self.untrusted
        sensitive = _with(self.sensitive, source) if label.sensitivity >= CONFIDENTIAL else self.sensitive
        sensitivity = max(self.sensitivity, label.sensitivity)
        if (untrusted, sensitive, sensitivity) == (self.untrusted, self.sensitive, self.sensitivity):
            return self
        return replace(self, untrusted=untrusted, sensitive=sensitive, sensitivity=sensitivity)

    def hear(self, text: str) -> "RunLabels":
        """After the user or the operator has said something."""
        words = (*self.words, text[:MOST_WORDS])
        while sum(map(len, words)) > MOST_WORDS:
            words = words[1:]
        return replace(self, words=words)

    def mark(self, own: Label) -> Label:
        """The label of a text that this run made, or asked for, whose label by itself is `own`."""
        if self.untrusted and not own.untrusted:
            source = own.source if own.source and own.sensitivity >= CONFIDENTIAL else self.untrusted[0]
            own = own.model_copy(update={"trust": UNTRUSTED, "source": source})
        return own.model_copy(update={"sensitivity": max(own.sensitivity, self.sensitivity)})


@dataclass(frozen=True, slots=True)
class SensitivityFloors:
    """What an operator said by hand: the least sensitivity that counts, however much less a label says.

    `tenant` is of everything that the tenant's runs read, `tools` of what tools by these names give back.
    """

    tenant: Sensitivity = 0
    tools: Mapping[str, Sensitivity] = field(default_factory=dict)
    source: str = "all of this tenant's data"

    @property
    def entering(self) -> Label | None:
        """The label that every run of the tenant has read from its start; None: nothing was said."""
        return Label(origin="system", trust=2, sensitivity=self.tenant, source=self.source) if self.tenant else None

    def over(self, labels: RunLabels) -> RunLabels:
        """What a run has read, as a call of it is judged."""
        return labels if self.entering is None else labels.read(self.entering)

    def raised(self, tool: str, label: Label) -> Label:
        """The label of a tool's result."""
        floor = self.tools.get(tool, 0)
        if floor <= label.sensitivity:
            return label
        return label.model_copy(update={"sensitivity": floor, "source": label.source or tool})


def _with(sources: tuple[str, ...], source: str) -> tuple[str, ...]:
    return sources if source in sources or len(sources) >= MOST_SOURCES else (*sources, source)


NOTHING_READ: Final = RunLabels()
NO_FLOORS: Final = SensitivityFloors()
UNKNOWN_FLOORS: Final = SensitivityFloors(CONFIDENTIAL, source="data whose sensitivity could not be looked up")
"""What counts where the operator's word cannot be read: fail closed."""
UNLABELLED: Final = RunLabels(untrusted=("a run without labels",), sensitivity=1)
"""What a call is judged by where nobody says what its run has read: fail closed."""
