"""Whether a model can go on with an answer that was begun."""

from uuid import UUID

from hortus_agents.loop.step import Draft, StepDeps
from hortus_agents.models.partial_json import PropertyReader


async def continuable(draft: Draft | None, deps: StepDeps, *, message_id: UUID, constrained: bool) -> Draft | None:
    """The draft if the model can go on with it: it is of this message, and ends inside the answer."""
    if draft is None or draft.message_id != message_id or not draft.text or not await deps.model.can_continue():
        return None
    if not constrained:
        return draft if draft.raw == draft.text else None
    reader = PropertyReader("answer")
    inside = reader.feed(draft.raw) == draft.text and reader.consumed == len(draft.raw)
    return draft if inside and not reader.done else None
