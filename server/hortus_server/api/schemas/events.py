"""Events, as sent: the union that the worker writes."""

from pydantic import Field

from hortus_agents.events import Event
from hortus_server.api.schemas.wire import View


class EventsView(View):
    """Events in order; `next_after` is the cursor for the next call."""

    items: tuple[Event, ...]
    next_after: int = Field(description="number of the last event here, or `after` when there are none")
