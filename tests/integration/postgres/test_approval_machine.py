"""Approvals under random schedules of mortal workers, people, strangers and clocks, against a model of what may be."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from agent_world import EchoTool
from approval_world import ANN, BOB, Desk
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from store_world import make_world

from hortus_agents.spec import ApprovalSpec
from hortus_agents.tools.port import SideEffect
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.domain.approvals import ALLOWED, LETS_THROUGH, Approval, Ruling
from hortus_server.domain.errors import ApprovalClosedError, NotFoundError
from hortus_server.domain.records import TERMINAL_STATUSES, Run

CLOSED = {"approve": "approved", "run_again": "approved", "deny": "denied", "give_up": "denied", "happened": "answered"}
PEOPLE = st.sampled_from([ANN, BOB])
# Hypothesis draws each alike; what is rare in life stands once among many.


class Died(BaseException):
    """Not an Exception: no tool boundary may swallow it."""


@dataclass
class MortalTool(EchoTool):
    """Counts what it does; its worker may die right after the effect, before anybody knows."""

    dies: bool = False

    async def call(self, arguments, context):
        self.calls.append((context.call_id, arguments["text"]))
        if self.dies:
            self.dies = False
            raise Died
        return await EchoTool(before=None).call(arguments, context)


@dataclass(eq=False)
class Expected:
    """What the model believes of a run: its effects, and the state of each thing that was asked."""

    run: Run
    desk: Desk
    tool: MortalTool
    asked: dict = field(default_factory=dict)  # approval id: status
    voted: dict = field(default_factory=dict)  # approval id: {key: decision}
    over: bool = False

    @property
    def permits(self) -> int:
        return sum(status == "approved" for status in self.asked.values())


class ApprovalLifeCycle(RuleBasedStateMachine):
    """Two runs, one of which needs two people; a refusal changes nothing, an effect has an approval of its own."""

    runs = Bundle("runs")

    def __init__(self, runner: asyncio.Runner, store: PostgresStore) -> None:
        super().__init__()
        self.runner = runner
        self.world = runner.run(make_world(store, uuid4().hex))
        self.stranger = runner.run(make_world(store, uuid4().hex))
        self.expected: list[Expected] = []

    def look(self, expected: Expected) -> Approval | None:
        """The approval that the run waits for; the model learns of what is new."""
        pending = self.runner.run(expected.desk.inbox(expected.run))
        assert len(pending) <= 1
        for approval in pending:
            expected.asked.setdefault(approval.id, "pending")
            expected.voted.setdefault(approval.id, {})
        return pending[0] if pending else None

    @initialize(target=runs)
    def submit(self):
        return multiple(self.begin(SideEffect.EXTERNAL), self.begin(SideEffect.IRREVERSIBLE))

    def begin(self, reach: SideEffect) -> Expected:
        tool = MortalTool(side_effect=reach, in_doubt="ask")
        desk = Desk(self.world, tool, approval=ApprovalSpec(tools=("echo",)))
        expected = Expected(self.runner.run(desk.start()), desk, tool)
        self.expected.append(expected)
        approval = self.look(expected)
        assert approval is not None
        assert approval.persons == (2 if reach is SideEffect.IRREVERSIBLE else 1)
        return expected

    @rule(expected=runs, dies_after=st.sampled_from([None, 1, 2, 3]), inside=st.booleans())
    def work(self, expected: Expected, dies_after: int | None, inside: bool) -> None:
        expected.tool.dies = inside and dies_after is not None
        with contextlib.suppress(Died):
            self.runner.run(expected.desk.work(expected.run, dies_after=99 if expected.tool.dies else dies_after))
        expected.tool.dies = False
        self.look(expected)

    @rule(
        expected=runs,
        who=PEOPLE,
        nth=st.sampled_from([0] * 8 + [1, 1, 2]),
        fits=st.sampled_from([True] * 6 + [False]),
    )
    def decide(self, expected: Expected, who, nth: int, fits: bool) -> None:
        approval = self.look(expected)
        if approval is None:
            return
        allowed = ALLOWED[approval.kind]
        decision = allowed[nth % len(allowed)] if fits else "answer"
        voted, status = expected.voted[approval.id], expected.asked[approval.id]
        attempt = expected.desk.decide(approval.id, decision, by=who)
        if not fits or who.person_id in voted or approval.overdue or expected.over:
            before = self.runner.run(expected.desk.types(expected.run))
            with pytest.raises(Exception, match=r"takes one of|has decided|ran out|takes|is over|missing"):
                self.runner.run(attempt)
            assert self.runner.run(expected.desk.types(expected.run)) == before
            return
        assert status == "pending"
        voted[who.person_id] = decision
        yes = sum(said in LETS_THROUGH for said in voted.values())
        if decision not in LETS_THROUGH or yes >= approval.persons:
            expected.asked[approval.id] = CLOSED[decision]
        assert self.runner.run(attempt).status == expected.asked[approval.id]

    @rule(expected=runs, who=PEOPLE)
    def decide_what_nobody_may(self, expected: Expected, who) -> None:
        for approval_id, status in expected.asked.items():
            if status != "pending":
                with pytest.raises(ApprovalClosedError):
                    self.runner.run(expected.desk.decide(approval_id, "approve", by=who))
            theirs = expected.desk.decide_approval(
                self.stranger.tenant_id, approval_id, ruling=Ruling("approve"), decider=who
            )
            with pytest.raises(NotFoundError):
                self.runner.run(theirs)

    @rule(expected=runs, how=st.sampled_from(["nothing"] * 7 + ["clock", "sweep", "cancel"]))
    def end(self, expected: Expected, how: str) -> None:
        approval = self.look(expected)
        if how == "cancel":
            self.cancel(expected)
        elif how != "nothing" and approval is not None:
            self.runner.run(expected.desk.run_out_of_time(approval.id))
        if how == "sweep":
            self.runner.run(expected.desk.end_waits())
            for other in self.expected:
                self.mark_expired(other)

    def mark_expired(self, expected: Expected) -> None:
        for approval in self.runner.run(expected.desk.inbox(expected.run, status="expired")):
            assert expected.asked[approval.id] in {"pending", "expired"}
            expected.asked[approval.id] = "expired"

    def cancel(self, expected: Expected) -> None:
        run = self.runner.run(expected.desk.cancel_run(self.world.tenant_id, expected.run.id, reason="enough"))
        if run.status in TERMINAL_STATUSES:
            for approval_id, status in expected.asked.items():
                if status == "pending":
                    expected.asked[approval_id] = "cancelled"
        expected.over = True

    @invariant()
    def no_effect_without_its_own_approval(self) -> None:
        for expected in self.expected:
            assert len(expected.tool.calls) <= expected.permits

    def teardown(self) -> None:
        for expected in self.expected:
            types = self.runner.run(expected.desk.types(expected.run))
            found = self.runner.run(expected.desk.inbox(expected.run, status=None))
            statuses = {approval.id: approval.status for approval in found}
            for approval_id, status in expected.asked.items():
                late = expected.over and status == "pending"  # a worker ends the run that holds it
                assert late or statuses[approval_id] == status
            assert types.count("approval.requested") == len(statuses)
            assert types.count("approval.expired") == list(statuses.values()).count("expired")
            used = [approval for approval in found if approval.used_at is not None]
            assert len(used) <= expected.permits
            assert len(expected.tool.calls) <= len(used)


def test_approvals_live_as_the_model_says(database_settings):
    with asyncio.Runner() as runner:
        store = runner.run(PostgresStore.open(database_settings))
        try:
            run_state_machine_as_test(
                lambda: ApprovalLifeCycle(runner, store),
                settings=settings(
                    max_examples=12,
                    stateful_step_count=40,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(store.close())
