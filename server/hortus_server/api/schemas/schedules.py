"""Schedules and their firings, as sent and received."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from hortus_server.api.schemas.runs import Content, LimitsPatch
from hortus_server.api.schemas.wire import Body, Name, PageView, View
from hortus_server.domain.schedules import CatchUp, FiringOutcome, Overlap, Schedule, Timing

MOST_CAUGHT_UP = 100
Version = Annotated[
    int | None, Field(ge=1, le=2_147_483_647, description="null: the version that new runs use at that time")
]
SessionOrNull = Annotated[UUID | None, Field(description="one session for all runs; null: each gets its own")]
CatchUpField = Annotated[
    CatchUp,
    Field(
        description="due times missed while no worker ran: let them go, fire the last one, or the last `catch_up_limit`"
    ),
]
CatchUpLimit = Annotated[int, Field(ge=1, le=MOST_CAUGHT_UP, description="with catch_up `all`")]
OverlapField = Annotated[
    Overlap,
    Field(
        description="if an earlier run has not ended: run beside it, skip, queue behind it in its session, or cancel it"
    ),
]


class ScheduleCreate(Body):
    """A task that is submitted at due times."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "morning-report",
                    "agent": "converter",
                    "input": "Write the report of yesterday.",
                    "timing": {"kind": "cron", "expression": "30 8 * * MON-FRI", "time_zone": "Europe/Berlin"},
                }
            ]
        }
    )

    name: Name
    timing: Timing
    agent: str = Field(min_length=1, max_length=200, description="id or name")
    agent_version: Version = None
    session_id: SessionOrNull = None
    input: Content
    limits: LimitsPatch = Field(default_factory=LimitsPatch)
    catch_up: CatchUpField = "one"
    catch_up_limit: CatchUpLimit = 10
    overlap: OverlapField = "skip"


class SchedulePatch(Body):
    """What to change; fields that are left out stay as they are, and a new timing counts from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": "queue"}]})

    name: Name | None = None
    timing: Timing | None = None
    agent_version: Version = None
    session_id: SessionOrNull = None
    input: Content | None = None
    limits: LimitsPatch | None = None
    catch_up: CatchUpField | None = None
    catch_up_limit: CatchUpLimit | None = None
    overlap: OverlapField | None = None

    @field_validator("name", "timing", "input", "limits", "catch_up", "catch_up_limit", "overlap")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it")
        return value

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as the service takes them."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "limits" in given:
            given["limits"] = given["limits"].model_dump(exclude_none=True)
        return given


class ScheduleView(View):
    """A schedule; `next_due_at` null means paused, or that no due time is left."""

    id: UUID
    name: str
    timing: Timing
    agent_id: UUID
    agent_version: int | None
    session_id: UUID | None
    input: str
    limits: dict[str, float]
    catch_up: CatchUp
    catch_up_limit: int
    overlap: Overlap
    next_due_at: datetime | None
    paused_at: datetime | None
    created_at: datetime
    updated_at: datetime


def schedule_json(schedule: Schedule) -> dict[str, Any]:
    """A schedule as it is sent."""
    return ScheduleView.model_validate(schedule).model_dump(mode="json")


class TimingPreview(Body):
    """A timing that is only looked at."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"timing": {"kind": "cron", "expression": "30 8 * * MON-FRI"}}]}
    )

    timing: Timing
    count: int = Field(default=5, ge=1, le=20)


class SchedulePage(PageView[ScheduleView]):
    """Schedules, newest first."""


class DueTimesView(View):
    """The next due times, in order, in UTC."""

    items: tuple[datetime, ...]


class FiringView(View):
    """What became of a due time: `submitted` with a run, `skipped` for overlap, `missed`, or `failed` with a reason."""

    due_at: datetime
    fired_at: datetime
    outcome: FiringOutcome
    run_id: UUID | None
    reason: str | None


class FiringPage(PageView[FiringView]):
    """Firings, the latest due time first."""
