"""Events, as sent: the union that the worker writes."""

from pydantic import Field

from hortus_agents.events import Event
from hortus_server.api.schemas.wire import View


class GapView(View):
    """Numbers that were asked for and under which nothing is kept any more."""

    first: int = Field(alias="from")
    last: int = Field(alias="to")
    reason: str


class EventsView(View):
    """Events in order; `next_after` is the cursor for the next call."""

    items: tuple[Event, ...]
    gaps: tuple[GapView, ...] = Field(description="what is missing among them; their text is gone, their numbers stay")
    next_after: int = Field(description="number up to which this tells all; the same as `after` when there is no news")
