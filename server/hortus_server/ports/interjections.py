"""What services need where something is said to a session whose runs have not ended."""

from typing import Protocol

from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.domain.records import Run


class InterjectionRepository(Protocol):
    """Decisions about the unfinished runs of one session, one at a time."""

    async def take_turn(self, tenant_id: TenantId, session_id: SessionId) -> tuple[Run, ...]:
        """The session's unfinished runs, oldest first, locked before anything else of the session is.

        Until the commit nobody else who takes a turn decides about this session, and no worker writes to these runs.
        """
        ...

    async def count_steer(self, tenant_id: TenantId, run_id: RunId, *, at_most: int) -> bool:
        """One more message was said to the run; False when there were `at_most` already."""
        ...

    async def roll_back(self, tenant_id: TenantId, run_id: RunId) -> None:
        """Project a `run.rolled_back` that is in the log already: conversation and memory leave the run out."""
        ...
