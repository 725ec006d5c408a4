"""What watches the execution of runs: metrics, traces. Observers never raise and never wait."""

from collections.abc import Sequence
from typing import Literal, Protocol

from hortus_agents.events import Event
from hortus_server.domain.records import Claim, JobKind

RunEnd = Literal["finished", "parked", "handed_over", "lost"]
JobEnd = Literal["done", "failed", "not_due"]


class RunObserver(Protocol):
    """Told of each thing that a worker does; the numbers are in the events themselves."""

    def run_claimed(self, claim: Claim) -> None:
        """A run was taken, for the first time or over from another worker."""
        ...

    def claim_missed(self) -> None:
        """A wake-up found nothing to do: the run ended, waits its turn, or belongs to another worker."""
        ...

    def events_committed(self, claim: Claim, events: Sequence[Event], *, duration_s: float) -> None:
        """Events of a run are durable; `duration_s` is what the commit took."""
        ...

    def delta_published(self, claim: Claim) -> None:
        """A piece of text went to the live channel."""
        ...

    def run_left(self, claim: Claim, end: RunEnd) -> None:
        """This worker is done with the run; `lost` means that another one owns it now, `parked` that it waits."""
        ...

    def job_ended(self, kind: JobKind, end: JobEnd) -> None:
        """A job was done, failed and will come again, or was not due."""
        ...
