"""Runs and their steps, as sent and received."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from hortus_agents.events import WaitReason
from hortus_agents.labels import Label
from hortus_agents.limits import BudgetLeft, RunLimits, Spent
from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.admission import Priority
from hortus_server.domain.records import MessagePolicy, Run, RunStatus
from hortus_server.ports.budgets import RunSpending


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Content = Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(_not_blank)]
SteerContent = Annotated[str, Field(min_length=1, max_length=8_000), AfterValidator(_not_blank)]


Policy = Annotated[
    MessagePolicy | None,
    Field(
        description=(
            "what happens where runs of the session have not ended: `enqueue` waits for them; `reject` answers 409; "
            "`interrupt` stops them and keeps what was said; `rollback` stops them and takes back what was said in "
            "them. Null: the session's own policy"
        )
    ),
]


class LimitsPatch(Body):
    """Bounds to lower for one run; a value above the agent's own bound leaves that one in force."""

    steps: int | None = Field(default=None, ge=1, le=10_000)
    model_calls: int | None = Field(default=None, ge=1, le=100_000)
    tool_calls: int | None = Field(default=None, ge=0, le=100_000)
    tokens: int | None = Field(default=None, ge=1, le=2**53)
    wall_s: float | None = Field(default=None, gt=0, le=7 * 86_400, description="seconds from start to end")
    completion_tokens: int | None = Field(default=None, ge=16, le=131_072, description="tokens of one model answer")
    cost_micros: int | None = Field(default=None, ge=1, le=10**15, description="millionths of a unit of money")


class ContentOrigin(Body):
    """Where a text comes from that is not the caller's own words: it is data to the agent, and untrusted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"origin": "web", "source": "github webhook"}]})

    origin: Literal["web", "tool", "agent"] = Field(
        description=(
            "`web` what came in from outside, such as a webhook's payload or a mail; `tool` a tool's output; `agent` "
            "what an agent wrote"
        )
    )
    source: str = Field(default="", max_length=200, description="a name for people: `github webhook`")

    def label(self) -> Label:
        """As the log keeps it."""
        return Label(origin=self.origin, trust=0, source=self.source or self.origin)


Foreign = Annotated[
    ContentOrigin | None,
    Field(description="set where the text is not the caller's own words; the agent's definition then says what to do"),
]


class RunCreate(Body):
    """A task. Without `session_id` a session of its own is made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"agent": "converter", "input": "What is MCMXCIV?", "limits": {"tokens": 20_000}}]
        }
    )

    agent: str | None = Field(default=None, min_length=1, max_length=200, description="id or name")
    input: Content
    foreign: Foreign = None
    session_id: UUID | None = None
    limits: LimitsPatch = Field(default_factory=LimitsPatch)
    message_policy: Policy = None
    priority: Priority = Field(default="interactive", description="batch runs give way to interactive ones")


class RunCancel(Body):
    """Why; kept in the log."""

    reason: str = Field(default="cancelled by the caller", min_length=1, max_length=500)


class SteerCreate(Body):
    """Something to tell a run that has not ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "Use the metric system, please."}]})

    content: SteerContent
    foreign: Foreign = None


class SteeredView(View):
    """Where the message stands in the session's log; the run's next model call sees it."""

    run_id: UUID
    session_id: UUID
    message_id: UUID
    seq: int


class RunView(View):
    """One execution of an agent in a session."""

    id: UUID
    session_id: UUID
    agent_id: UUID
    agent_version_id: UUID
    status: RunStatus
    priority: Priority
    queued_seq: int = Field(description="place of `run.queued` in the session's log")
    generation: int = Field(description="how many workers have claimed it so far")
    worker_id: str | None
    waiting_for: WaitReason | None = Field(description="what a waiting run waits for")
    cancel_requested_at: datetime | None
    pause_requested_at: datetime | None
    rolled_back_at: datetime | None = Field(
        default=None, description="since when what was said in this run is no part of the conversation"
    )
    limits: RunLimits
    output: str | None = Field(description="the answer, or what there was of it when the run ended")
    error_code: str | None
    error_message: str | None
    total_tokens: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunDetailView(RunView):
    """A run with what it has used and what is left of its limits.

    Until it ends, its limits are no more than its tenant's day and its session leave it now; they are 1 at least.
    """

    spent: Spent
    left: BudgetLeft


def run_json(run: Run) -> dict[str, Any]:
    """A run as it is sent."""
    return RunView.model_validate(run).model_dump(mode="json")


def run_detail(run: Run, spending: RunSpending, held: RunLimits) -> RunDetailView:
    """A run as it is sent when it is asked for alone; `held` is what it may use in all as things stand, maybe 0."""
    left = spending.spent.left(held, elapsed_s=spending.elapsed_s)
    shown = RunView.model_validate(run).model_dump()
    cost = held.cost_micros
    limits = {"tokens": max(held.tokens, 1), "cost_micros": None if cost is None else max(cost, 1)}
    limits = held.model_copy(update=limits).model_dump()
    return RunDetailView.model_validate({**shown, "limits": limits, "spent": spending.spent, "left": left})


class RunPage(PageView[RunView]):
    """Runs, newest first."""


class StepView(View):
    """One model call with its side effects."""

    step: int
    started_at: datetime
    finished_at: datetime
    model_calls: int
    tool_calls: int
    prompt_tokens: int
    completion_tokens: int


class StepsView(View):
    """All steps of a run, in order."""

    items: tuple[StepView, ...]
