"""Places are shared over tenants: a flood waits for itself."""

import asyncio

import pytest

from hortus_agents.sandbox.fair import FairPlaces


class Callers:
    """Calls that hold a place until they are let go, and in which order they got one."""

    def __init__(self, places: int) -> None:
        self.places = FairPlaces(places)
        self.order: list[str] = []
        self._doors: dict[str, asyncio.Event] = {}

    async def call(self, tenant: str, name: str) -> None:
        async with self.places.place(tenant):
            self.order.append(name)
            self._doors[name] = asyncio.Event()
            await self._doors[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self._doors[name].set()
            await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def start(callers: Callers, group: asyncio.TaskGroup, *names: str) -> dict[str, asyncio.Task[None]]:
    """A call for each name; its first letter is its tenant."""
    tasks = {name: group.create_task(callers.call(name[0], name)) for name in names}
    await settle()
    return tasks


async def test_another_tenants_call_is_next_however_many_wait_before_it() -> None:
    callers = Callers(1)
    async with asyncio.TaskGroup() as group:
        await start(callers, group, *(f"a{number}" for number in range(5)))
        await start(callers, group, "b0", "b1", "c0")
        for name in ("a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"):
            assert callers.order[-1] == name
            await callers.end(name)


async def test_who_holds_fewest_places_is_next() -> None:
    callers = Callers(3)
    async with asyncio.TaskGroup() as group:
        await start(callers, group, "a0", "a1", "a2", "a3", "a4", "b0", "b1", "c0")
        for ended, following in (("a0", "b0"), ("a1", "c0"), ("b0", "b1"), ("c0", "a3"), ("a2", "a4")):
            await callers.end(ended)
            assert callers.order[-1] == following
        await callers.end("b1", "a3", "a4")


async def test_a_call_that_is_cancelled_takes_no_place_with_it() -> None:
    callers = Callers(1)
    async with asyncio.TaskGroup() as group:
        await start(callers, group, "a0")
        waiting = await start(callers, group, "a1", "b0", "c0")
        waiting["b0"].cancel()
        await settle()
        # Handed over and cancelled in the same moment, and cancelled while it was still in the queue.
        callers._doors["a0"].set()
        await asyncio.sleep(0)
        waiting["c0"].cancel()
        await settle()
        await callers.end(callers.order[-1])
        assert callers.order == ["a0", "a1"]
        await start(callers, group, "b1")
        await callers.end("b1")
    assert callers.places._turns == {}


@pytest.mark.parametrize("places", [1, 3])
async def test_whatever_is_cancelled_when_no_place_is_lost_and_none_is_made(places: int) -> None:
    shared, held, most = FairPlaces(places), 0, 0

    async def call(tenant: int) -> None:
        nonlocal held, most
        async with shared.place(tenant):
            held += 1
            most = max(most, held)
            try:
                for _ in range(tenant + 1):
                    await asyncio.sleep(0)
            finally:
                held -= 1

    tasks = [asyncio.create_task(call(number % 4)) for number in range(200)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 5 == 0:
            await asyncio.sleep(0)
    await asyncio.wait(tasks)
    assert (most, held) == (places, 0)
    assert (shared._free, shared._turns) == (places, {})
