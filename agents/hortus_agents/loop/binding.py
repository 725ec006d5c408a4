"""Which evolved tools a session uses, as its log tells it."""

from dataclasses import dataclass
from uuid import UUID

from hortus_agents import events as ev


@dataclass(frozen=True, slots=True)
class BoundCapability:
    """An evolved tool that this session uses; `own` marks those that came to it in the folded run itself."""

    name: str
    tool_id: UUID
    version_id: UUID
    version: int
    step: int
    own: bool = True


Bound = tuple[BoundCapability, ...]


def bind(bound: Bound, payload: ev.CapabilityActivated | ev.CapabilityReused, *, step: int, own: bool) -> Bound:
    """With one more tool, in place of an older version of it."""
    same = next((each for each in bound if each.version_id == payload.tool_version_id), None)
    if same is not None and same.own >= own:
        return bound
    new = BoundCapability(payload.name, payload.tool_id, payload.tool_version_id, payload.version, step, own)
    return (*(each for each in bound if each.name != payload.name), new)


def unbind(bound: Bound, payload: ev.CapabilityDisabled) -> Bound:
    """Without a tool that was taken out of use."""
    return tuple(each for each in bound if each.tool_id != payload.tool_id)
