import asyncio
from contextvars import ContextVar

import pytest

from hortus_server.worker.bridge import await_, in_bridge
from hortus_server.worker.loop_thread import LoopThread

label: ContextVar[str] = ContextVar("label", default="none")


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def test_a_synchronous_body_awaits_coroutines_in_turn() -> None:
    assert await in_bridge(lambda: await_(double(2)) + await_(double(3))) == 10


async def test_what_the_coroutine_raises_is_raised_in_the_body() -> None:
    async def fail() -> None:
        raise ValueError("inside")

    def body() -> str:
        try:
            await_(fail())
        except ValueError as error:
            return str(error)
        return "nothing"

    assert await in_bridge(body) == "inside"


async def test_what_the_body_raises_is_raised_by_the_bridge() -> None:
    def body() -> None:
        await_(double(1))
        raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        await in_bridge(body)


async def test_cancellation_reaches_the_body_where_it_waits() -> None:
    seen: list[str] = []

    def body() -> None:
        try:
            await_(asyncio.sleep(60))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(in_bridge(body))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]


async def test_bodies_overlap_and_keep_their_contexts_apart() -> None:
    async def named(name: str) -> str:
        label.set(name)
        before = label.get()
        await asyncio.sleep(0.01)
        return f"{before}-{label.get()}"

    async def one(name: str) -> str:
        return await in_bridge(lambda: await_(named(name)))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(str(number))) for number in range(20)]
    assert [task.result() for task in tasks] == [f"{number}-{number}" for number in range(20)]


def test_without_a_bridge_the_shared_loop_of_the_process_is_used() -> None:
    with pytest.raises(RuntimeError, match="outside a Hortus worker"):
        await_never()
    thread = LoopThread()
    thread.start()
    try:
        assert await_(double(4)) == 8
    finally:
        thread.stop()


def await_never() -> None:
    coroutine = double(1)
    try:
        await_(coroutine)
    finally:
        coroutine.close()
