"""Sensitivity by hand, as sent and received."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from hortus_agents.labels import Sensitivity
from hortus_server.api.schemas.wire import Body, View
from hortus_server.domain.floors import Floor


class SensitivityChange(Body):
    """The least that counts: 2 is confidential, 1 the tenant's own, 0 takes back what was said before."""

    sensitivity: Sensitivity = Field(examples=[2])
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S", examples=["holds patients' names"])


class FloorView(View):
    """What somebody said."""

    sensitivity: Sensitivity
    reason: str
    set_by: str
    set_at: datetime


class ToolFloorView(FloorView):
    """Of what a tool gives back."""

    tool: str


class LabelsView(View):
    """What counts as sensitive by hand; null and absent ones: what labels say."""

    tenant: FloorView | None = Field(description="of all that runs of this tenant read")
    tools: tuple[ToolFloorView, ...]

    @classmethod
    def of(cls, floors: Sequence[Floor]) -> "LabelsView":
        """Floors as they are sent."""
        own = next((floor for floor in floors if not floor.tool), None)
        return cls(
            tenant=None if own is None else FloorView.model_validate(own),
            tools=tuple(ToolFloorView.model_validate(floor) for floor in floors if floor.tool),
        )
