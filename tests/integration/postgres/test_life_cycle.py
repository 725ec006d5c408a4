"""Runs under random schedules of two workers, against a model of what may happen."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from store_world import ENDED, LEASE, make_world, new, thought

from hortus_agents.events import RunCancelled, WaitReason
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.domain.errors import StaleGenerationError
from hortus_server.domain.records import Claim, Run, Session

WORKERS = st.sampled_from(["w1", "w2"])


@dataclass(eq=False)
class Expected:
    """What the model believes of one run."""

    run: Run
    status: str = "queued"
    generation: int = 0
    worker: str | None = None
    lease: str = "none"  # none, live, over (may be renewed), released (may not)
    cancel: bool = False


class RunLifeCycle(RuleBasedStateMachine):
    """Every answer of the store is compared with the model's."""

    runs = Bundle("runs")
    claims = Bundle("claims")

    def __init__(self, runner: asyncio.Runner, store: PostgresStore) -> None:
        super().__init__()
        self.runner = runner
        self.store = store
        self.world = runner.run(make_world(store, uuid4().hex))
        self.sessions: list[Session] = [self.world.session, runner.run(self.world.another_session())]
        self.expected: list[Expected] = []
        self.written = {session.id: 0 for session in self.sessions}

    def unfinished(self, session_id) -> list[Expected]:
        unfinished = {"queued", "running", "waiting"}
        return [e for e in self.expected if e.run.session_id == session_id and e.status in unfinished]

    def owns(self, claim: Claim, expected: Expected) -> bool:
        return expected.status == "running" and expected.generation == claim.generation

    @rule(target=runs, which=st.integers(0, 1))
    def submit(self, which: int) -> Expected:
        session = self.sessions[which]
        expected = Expected(self.runner.run(self.world.submit(session=session)))
        self.written[session.id] += 2
        self.expected.append(expected)
        return expected

    @rule(target=claims, expected=runs, worker=WORKERS, live=st.booleans())
    def claim(self, expected: Expected, worker: str, live: bool):
        first = self.unfinished(expected.run.session_id)[:1]
        free = expected.status == "queued" or (expected.status == "running" and expected.lease in {"over", "released"})
        claim = self.runner.run(self.world.claim(expected.run, worker, lease=LEASE if live else ENDED))
        assert (claim is not None) == (free and first == [expected])
        if claim is not None:
            assert claim.generation == expected.generation + 1
            assert (claim.run.cancel_requested_at is not None) == expected.cancel
            expected.status, expected.worker = "running", worker
            expected.generation += 1
            expected.lease = "live" if live else "over"
            self.written[expected.run.session_id] += 1
        return (expected, claim, worker)

    @rule(held=claims, count=st.integers(1, 3))
    def append(self, held, count: int) -> None:
        expected, claim, _ = held
        if claim is None:
            return
        if self.owns(claim, expected):
            self.runner.run(self.world.append(claim, *(thought() for _ in range(count))))
            self.written[expected.run.session_id] += count
        else:
            with pytest.raises(StaleGenerationError):
                self.runner.run(self.world.append(claim, thought()))

    @rule(held=claims)
    def renew(self, held) -> None:
        expected, claim, worker = held
        if claim is None:
            return

        async def beat():
            async with self.store.system_transaction() as uow:
                return await uow.runs.renew(worker, [(claim.run.id, claim.generation)], lease=LEASE)

        (signal,) = self.runner.run(beat())
        owned = self.owns(claim, expected) and expected.lease != "released"
        assert (signal.owned, signal.cancel_requested) == (owned, expected.cancel)
        if owned:
            expected.lease = "live"

    @rule(held=claims)
    def release(self, held) -> None:
        expected, claim, _ = held
        if claim is None:
            return

        async def release():
            async with self.store.system_transaction() as uow:
                return await uow.runs.release(claim.run.tenant_id, claim.run.id, claim.generation)

        assert self.runner.run(release()) == self.owns(claim, expected)
        if self.owns(claim, expected):
            expected.lease = "released"

    @rule(expected=runs)
    def cancel(self, expected: Expected) -> None:
        async def cancel():
            async with self.store.system_transaction() as uow:
                run = await uow.runs.request_cancel(self.world.tenant_id, expected.run.id, reason="stop")
                if run.status in {"queued", "waiting"}:
                    events = await uow.events.append(
                        run.tenant_id, run.session_id, new(RunCancelled(reason="stop")), run_id=run.id
                    )
                    await uow.runs.finish(run.id, None, event=events[-1])

        self.runner.run(cancel())
        expected.cancel = expected.cancel or expected.status in {"queued", "running", "waiting"}
        if expected.status in {"queued", "waiting"}:
            expected.status = "cancelled"
            self.written[expected.run.session_id] += 1

    @rule(held=claims)
    def park(self, held) -> None:
        expected, claim, _ = held
        if claim is None:
            return

        async def park():
            async with self.store.system_transaction() as uow:
                return await uow.run_stops.park(
                    claim.run.tenant_id, claim.run.id, claim.generation, reason=WaitReason(kind="timer")
                )

        owned = self.owns(claim, expected)
        assert self.runner.run(park()) == owned
        if owned:
            expected.status, expected.lease = "waiting", "none"

    @rule(expected=runs)
    def wake(self, expected: Expected) -> None:
        async def wake():
            async with self.store.system_transaction() as uow:
                return await uow.run_stops.wake(expected.run.tenant_id, expected.run.id)

        assert self.runner.run(wake()) == (expected.status == "waiting")
        if expected.status == "waiting":
            expected.status = "queued"

    @rule(held=claims)
    def finish(self, held) -> None:
        expected, claim, _ = held
        if claim is None:
            return
        if self.owns(claim, expected):
            self.runner.run(self.world.finish(claim))
            expected.status, expected.lease = "succeeded", "none"
            self.written[expected.run.session_id] += 2
        else:
            with pytest.raises(StaleGenerationError):
                self.runner.run(self.world.finish(claim))

    @invariant()
    def next_queued_is_the_models(self) -> None:
        async def ask(session_id):
            async with self.store.system_transaction() as uow:
                return await uow.wakeups.next_queued(session_id)

        for session in self.sessions:
            first = self.unfinished(session.id)[:1]
            due = first[0].run.id if first and first[0].status == "queued" else None
            assert self.runner.run(ask(session.id)) == due

    def teardown(self) -> None:
        for session in self.sessions:
            log = self.runner.run(self.world.log(session.id))
            assert [event.seq for event in log] == list(range(1, self.written[session.id] + 1))
        for expected in self.expected:
            run = self.runner.run(self.world.run(expected.run.id))
            assert (run.status, run.generation) == (expected.status, expected.generation)


def test_runs_live_as_the_model_says(database_settings):
    with asyncio.Runner() as runner:
        store = runner.run(PostgresStore.open(database_settings))
        try:
            run_state_machine_as_test(
                lambda: RunLifeCycle(runner, store),
                settings=settings(
                    max_examples=15,
                    stateful_step_count=25,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(store.close())
