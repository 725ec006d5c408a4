import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from virtual_time import VirtualClock

from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import LeaseSignal
from hortus_server.services import keep_leases
from hortus_server.services.keep_leases import KeepLeases, Stop


@pytest.fixture
def clock(virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    monkeypatch.setattr(keep_leases, "time", SimpleNamespace(monotonic=virtual_clock))
    return virtual_clock


class Leases:
    """The one query of the heartbeat, over a dictionary."""

    def __init__(self) -> None:
        self.queries: list[int] = []
        self.stolen: set[RunId] = set()
        self.stopped: dict[RunId, str] = {}
        self.down = False

    async def renew(self, _worker: str, held: Sequence[tuple[RunId, int]], *, lease: timedelta) -> list[LeaseSignal]:
        self.queries.append(len(held))
        return [
            LeaseSignal(run, generation, run not in self.stolen, run in self.stopped, self.stopped.get(run))
            for run, generation in held
        ]

    @asynccontextmanager
    async def system_transaction(self) -> AsyncIterator[Any]:
        if self.down:
            raise UnavailableError("database", "down")
        yield SimpleNamespace(runs=self)


def keeper(leases: Leases, *, lease_s: float = 10.0) -> KeepLeases:
    return KeepLeases(leases, "w1", lease=timedelta(seconds=lease_s), heartbeat=timedelta(seconds=0.01))


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def test_one_query_keeps_all_leases(clock: VirtualClock) -> None:
    leases = Leases()
    keep = keeper(leases)
    task = asyncio.create_task(wait_for_ever())
    async with keep.beating():
        since = clock()
        with keep.hold(RunId(uuid4()), 1, task, since=since), keep.hold(RunId(uuid4()), 1, task, since=since):
            await asyncio.sleep(0.05)
        seen = len(leases.queries)
        await asyncio.sleep(0.05)
    assert set(leases.queries) == {2}
    assert len(leases.queries) <= seen + 1, "nothing held, nothing asked"
    task.cancel()


async def test_a_cancel_request_stops_the_task_and_carries_its_reason(clock: VirtualClock) -> None:
    leases = Leases()
    keep = keeper(leases)
    run_id = RunId(uuid4())
    task = asyncio.create_task(wait_for_ever())
    async with keep.beating():
        with keep.hold(run_id, 1, task, since=clock()) as hold:
            leases.stopped[run_id] = "enough"
            await asyncio.wait([task], timeout=1)
    assert task.cancelled()
    assert hold.stop == Stop("cancelled", "enough")


async def test_a_lease_that_another_worker_took_stops_the_task_silently(clock: VirtualClock) -> None:
    leases = Leases()
    keep = keeper(leases)
    run_id = RunId(uuid4())
    task = asyncio.create_task(wait_for_ever())
    async with keep.beating():
        with keep.hold(run_id, 1, task, since=clock()) as hold:
            leases.stolen.add(run_id)
            await asyncio.wait([task], timeout=1)
    assert hold.stop == Stop("lost")


async def test_runs_are_given_up_when_no_lease_could_be_renewed_for_its_length(clock: VirtualClock) -> None:
    leases = Leases()
    keep = keeper(leases, lease_s=0.2)
    task = asyncio.create_task(wait_for_ever())
    async with keep.beating():
        with keep.hold(RunId(uuid4()), 1, task, since=clock()) as hold:
            leases.down = True
            await asyncio.sleep(0.1)
            assert hold.stop is None, "a short outage costs nothing"
            await asyncio.wait([task], timeout=1)
    assert hold.stop == Stop("lost")


async def test_a_process_that_stood_still_does_not_go_on_with_an_effect_whose_answer_came_meanwhile(
    clock: VirtualClock,
) -> None:
    effects: list[str] = []
    answered = asyncio.get_running_loop().create_future()

    async def act() -> None:
        await answered
        effects.append("done")

    keep = keeper(Leases(), lease_s=0.05)
    task = asyncio.create_task(act())
    with keep.hold(RunId(uuid4()), 1, task, since=clock(), effect=lambda: 2) as hold:
        await asyncio.sleep(0)
        answered.get_loop().call_soon(answered.set_result, None)  # what a socket would have to tell first
        clock.now += 0.1  # as for a stopped process
        await asyncio.wait([task], timeout=1)
    assert hold.stop == Stop("lost")
    assert effects == []


async def test_what_only_thinks_outlives_its_lease_since_its_commits_are_fenced(clock: VirtualClock) -> None:
    keep = keeper(Leases(), lease_s=0.02)
    effect = 0
    task = asyncio.create_task(wait_for_ever())
    with keep.hold(RunId(uuid4()), 1, task, since=clock(), effect=lambda: effect) as hold:
        await asyncio.sleep(0.1)
        assert hold.stop is None
        assert not hold.is_safe()
        effect = 2
        await asyncio.wait([task], timeout=1)
    assert hold.stop == Stop("lost")


async def test_a_beating_heart_keeps_effects_going(clock: VirtualClock) -> None:
    keep = keeper(Leases(), lease_s=0.6)
    task = asyncio.create_task(wait_for_ever())
    async with keep.beating():
        with keep.hold(RunId(uuid4()), 1, task, since=clock(), effect=lambda: 2) as hold:
            await asyncio.sleep(1.0)
            assert hold.stop is None
    task.cancel()
