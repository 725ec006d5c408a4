"""Events as JSON text, encoded once however many readers there are."""

from collections import OrderedDict
from uuid import UUID

from starlette.responses import Response

from hortus_agents.events import Event
from hortus_server.api.answers import JSON
from hortus_server.services.read_events import EventPart

CACHED_EVENTS = 4096
LARGEST_CACHED = 16_384  # characters


class EventEncoder:
    """Bounded memory of the newest events' JSON; an event never changes, so neither does its text."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[UUID, int], str] = OrderedDict()

    def __call__(self, event: Event) -> str:
        """The event as JSON."""
        key = (event.session_id, event.seq)
        text = self._texts.get(key)
        if text is None:
            text = event.model_dump_json()
            if len(text) <= LARGEST_CACHED:
                self._texts[key] = text
                if len(self._texts) > CACHED_EVENTS:
                    self._texts.popitem(last=False)
        return text


encode_event = EventEncoder()


def event_list(part: EventPart) -> Response:
    """The document of `EventsView`, joined from encoded events."""
    items = ",".join([encode_event(event) for event in part.events])
    gaps = ",".join([f'{{"from":{gap.first},"to":{gap.last},"reason":"{gap.reason}"}}' for gap in part.gaps])
    return Response(f'{{"items":[{items}],"gaps":[{gaps}],"next_after":{part.next_after}}}', media_type=JSON)
