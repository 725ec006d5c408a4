"""The time by which a run's events are dated and its limits counted."""

from datetime import datetime, timedelta
from typing import Final

from hortus_server.ports.clock import Clock

_TRIP: Final = timedelta(seconds=1)  # so long a claim's answer may take; less tells nothing about clocks


def run_clock(clock: Clock, *, told: datetime) -> Clock:
    """`clock`, moved to the database's, which has just `told` the time of a run's start.

    A run's times are compared with each other and with the database's: its start, the ends of approvals and timers.
    Machines that work on one run in turn, or whose clocks are wrong, would end it early, or let nobody answer in time.
    """
    ahead = clock() - told
    return clock if abs(ahead) < _TRIP else lambda: clock() - ahead
