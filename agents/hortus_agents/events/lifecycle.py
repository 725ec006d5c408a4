"""What happens to sessions and runs as a whole."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_agents.labels import Label
from hortus_agents.limits import LimitName, RunLimits, Spent
from hortus_agents.messages import Frozen, Usage


class SessionCreated(Frozen):
    """A conversation began; always seq 1 unless it is a fork."""

    type: Literal["session.created"] = "session.created"
    agent_id: UUID
    agent_name: str
    title: str


class SessionForked(Frozen):
    """A conversation goes on from a place of another; always seq 1, where there is no `session.created`.

    What was said there follows as events of no run, with their times; `left_out` says that it began earlier still.
    """

    type: Literal["session.forked"] = "session.forked"
    origin_session_id: UUID
    origin_seq: int
    agent_id: UUID
    agent_name: str
    title: str
    left_out: bool = False


class MessageCreated(Frozen):
    """A user's message.

    With `steers` it was said to a run that was accepted already: the run's next model call sees it. `heard` of a
    `model.called` says which one that was. A `label` says that it is not the user's own words, but text from elsewhere.
    """

    type: Literal["message.created"] = "message.created"
    message_id: UUID
    content: str
    steers: bool = False
    label: Label | None = None


class MessageCompleted(Frozen):
    """The assistant's answer; closes the token stream of `message_id`.

    A run that was steered while it wrote goes on behind it, and answers again. `label` is that of all its run had read.
    """

    type: Literal["message.completed"] = "message.completed"
    message_id: UUID
    content: str
    label: Label | None = None


class MessageRestarted(Frozen):
    """Clients drop the partial text of `message_id`; it will be written anew."""

    type: Literal["message.restarted"] = "message.restarted"
    message_id: UUID
    reason: str


class RunQueued(Frozen):
    """A run was accepted, with the version and the limits that it is pinned to."""

    type: Literal["run.queued"] = "run.queued"
    agent_id: UUID
    agent_version_id: UUID
    agent_version: int
    limits: RunLimits


class RunStarted(Frozen):
    """A worker claimed the run; `generation` above 1 means that it took over."""

    type: Literal["run.started"] = "run.started"
    worker_id: str
    generation: int


WaitKind = Literal["approval", "input", "timer", "children", "model", "paused", "frozen"]


class WaitReason(Frozen):
    """What a waiting run waits for; `ref_id` names the approval, the hold or whatever else will end it.

    `due_at` is when the wait ends by itself: a timer's time, the last moment of an approval, the next try of a model
    whose endpoints are down.
    """

    kind: WaitKind
    detail: str = ""
    ref_id: UUID | None = None
    due_at: datetime | None = None


class RunWaiting(Frozen):
    """The run holds no worker and goes on once its reason is gone; what it was just writing is kept."""

    type: Literal["run.waiting"] = "run.waiting"
    reason: WaitReason
    partial_output: str = ""
    label: Label | None = None


class RunResumed(Frozen):
    """A waiting run may go on; a worker takes it up where it stopped. `by` names who let it, `reason` why.

    `ref_id` is that of the wait which is over, where it had one.
    """

    type: Literal["run.resumed"] = "run.resumed"
    reason: str
    by: str = ""
    ref_id: UUID | None = None


class RunSucceeded(Frozen):
    """The run gave its answer; see the `message.completed` before it."""

    type: Literal["run.succeeded"] = "run.succeeded"
    spent: Spent
    usage: Usage


class RunFailed(Frozen):
    """The run cannot go on; `code` is stable, `message` is for people."""

    type: Literal["run.failed"] = "run.failed"
    code: str
    message: str
    spent: Spent


class RunRolledBack(Frozen):
    """Somebody took back what was said in this run, from the user's message on: later prompts hold nothing of it.

    The events stay in the log. `by_run_id` is the run that takes the place. What tools did is not undone.
    """

    type: Literal["run.rolled_back"] = "run.rolled_back"
    by_run_id: UUID | None = None
    reason: str


class RunCancelled(Frozen):
    """Somebody stopped the run; never counted as a failure. What it had written stays in the conversation."""

    type: Literal["run.cancelled"] = "run.cancelled"
    reason: str
    partial_output: str = ""
    label: Label | None = None


class RunBudgetExhausted(Frozen):
    """A hard limit ended the run; what it had written is kept."""

    type: Literal["run.budget_exhausted"] = "run.budget_exhausted"
    limit: LimitName
    spent: Spent
    partial_output: str = ""
    label: Label | None = None


class BudgetWarned(Frozen):
    """The run goes on with a fifth or less of a limit left; once for each limit, `used` and `bound` in its own unit."""

    type: Literal["budget.warned"] = "budget.warned"
    limit: LimitName
    used: float
    bound: float
