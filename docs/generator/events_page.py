"""docs/events.md: every event with its fields."""

from typing import cast, get_args

from pydantic import BaseModel
from tables import MADE, doc, field_table, prose

from hortus_agents import events, messages
from hortus_agents.limits import RunLimits, Spent


def event_classes() -> tuple[type[BaseModel], ...]:
    """Every type of event, in the order in which they are declared."""
    union = get_args(events.EventPayload)[0]
    return cast("tuple[type[BaseModel], ...]", get_args(union))


def event_type(cls: type[BaseModel]) -> str:
    """Its dotted name."""
    return str(cls.model_fields["type"].default)


def events_page() -> str:
    """The envelope, every event, and what their fields are made of."""
    text = f"""# Events
{MADE}
A session owns one append-only log. An event is a row of it, is written once and never changes; `seq` counts from 1
without gaps and is the cursor of every reader. A reader ignores types that it does not know.

{doc(events.Event)}

{field_table(events.Event)}
Live only, and never stored: `delta` (a piece of an answer while it is written), `snapshot` (all of it so far, for a
reader who joins in the middle), `heartbeat` and `gap`. The frames that carry them are `ServerFrame` in
`/openapi.json`. After `message.completed` or `message.restarted` drop the live text of that `message_id`.

A run ends with exactly one of {", ".join(f"`{name}`" for name in sorted(events.TERMINAL_EVENTS))}.
"""
    for cls in event_classes():
        text += f"\n## `{event_type(cls)}`\n\n{prose(cls.__doc__)}\n\n{field_table(cls, skip=('type',))}"
    text += "\n# Parts of payloads\n"
    for part in (messages.ToolCall, messages.Usage, Spent, RunLimits, events.RecalledItem):
        text += f"\n## `{part.__name__}`\n\n{prose(part.__doc__)}\n\n{field_table(part)}"
    return text
