"""What endpoints report, and the bound that follows; slots and those who wait for them."""

import asyncio

import pytest

from hortus_agents.errors import ModelUnavailableError
from hortus_agents.models.load import LoadReading, next_limit, parse_load
from hortus_agents.models.slots import RequestSlots

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen"} 7.0
vllm:num_requests_running{engine="1",model_name="qwen"} 3.0
vllm:num_requests_waiting{engine="0",model_name="qwen"} 2.0
vllm:num_requests_waiting{engine="1",model_name="qwen"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="qwen",reason="capacity"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="qwen"} 0.41
vllm:kv_cache_usage_perc{engine="1",model_name="qwen"} 0.97
vllm:generation_tokens_total{model_name="qwen"} 1e+06
"""
LLAMA = "llamacpp:requests_processing 4\nllamacpp:requests_deferred 9\nllamacpp:n_decode_total 77\n"


def test_engines_of_one_server_are_summed() -> None:
    assert parse_load(VLLM) == LoadReading(running=10.0, waiting=2.0, cache=0.97)


def test_llama_cpp_reports_too() -> None:
    assert parse_load(LLAMA) == LoadReading(running=4.0, waiting=9.0, cache=None)


@pytest.mark.parametrize("text", ["", "not found", "python_info 1.0\n", "vllm:num_requests_running NaN?\n"])
def test_whoever_reports_nothing_is_told_apart(text: str) -> None:
    assert parse_load(text) is None


@pytest.mark.parametrize(
    ("reading", "saturated"),
    [
        (LoadReading(20, 0), False),
        (LoadReading(20, 2), False),
        (LoadReading(20, 3), True),
        (LoadReading(0, 50), False),
        (LoadReading(4, 0, cache=0.94), False),
        (LoadReading(4, 0, cache=0.96), True),
    ],
)
def test_a_queue_or_a_full_cache_is_saturation(reading: LoadReading, *, saturated: bool) -> None:
    assert reading.saturated is saturated


def test_the_bound_shrinks_from_what_is_under_way() -> None:
    limit = 64
    for _ in range(3):
        limit = next_limit(limit, taken=min(limit, 20), reading=LoadReading(20, 10), most=100)
    assert limit == 8
    assert next_limit(2, taken=2, reading=LoadReading(20, 10), most=100) == 2


def test_the_bound_waits_until_a_lower_one_has_shown_its_effect() -> None:
    full = LoadReading(4, 16)
    limit = next_limit(128, taken=20, reading=full, most=512)
    assert limit == 15
    assert [next_limit(limit, taken=taken, reading=full, most=512) for taken in (20, 17, 16)] == [15, 15, 15]
    assert next_limit(limit, taken=15, reading=full, most=512) == 11


def test_the_bound_grows_only_while_it_is_used() -> None:
    free = LoadReading(10, 0, cache=0.2)
    assert next_limit(20, taken=5, reading=free, most=100) == 20
    assert next_limit(20, taken=18, reading=free, most=100) == 22
    assert next_limit(20, taken=20, reading=free, most=21) == 21


async def test_who_waits_is_served_in_order() -> None:
    slots = RequestSlots(1, waiters=5)
    assert slots.try_take()
    served: list[int] = []

    async def wait(number: int) -> None:
        await slots.take(within_s=5)
        served.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(wait(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert slots.waiting == 3
        assert not slots.try_take(), "nobody overtakes"
        for _ in range(3):
            slots.give_back()
            await asyncio.sleep(0)
    assert served == [0, 1, 2]
    assert slots.taken == 1


@pytest.mark.usefixtures("virtual_clock")
async def test_waiting_is_bounded_in_time_and_number() -> None:
    slots = RequestSlots(1, waiters=1)
    slots.try_take()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(asyncio.wait_for(_fails(slots), 5))
        await asyncio.sleep(0.01)
        with pytest.raises(ModelUnavailableError, match="wait for the endpoint already"):
            await slots.take(within_s=5)
    assert "no slot" in first.result()
    assert (slots.taken, slots.waiting) == (1, 0)


async def _fails(slots: RequestSlots) -> str:
    with pytest.raises(ModelUnavailableError) as raised:
        await slots.take(within_s=0.05)
    return str(raised.value)


async def test_a_waiter_that_is_cut_off_loses_no_slot() -> None:
    slots = RequestSlots(1, waiters=5)
    slots.try_take()
    waiting = asyncio.create_task(slots.take(within_s=5))
    await asyncio.sleep(0)
    slots.give_back()  # to the waiter, which is cancelled before it can see it
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (slots.taken, slots.waiting) == (0, 0)
    assert slots.try_take()


async def test_a_higher_limit_lets_waiters_go_on_and_a_lower_one_takes_nothing_away() -> None:
    slots = RequestSlots(1, waiters=5)
    slots.try_take()
    waiting = asyncio.create_task(slots.take(within_s=5))
    await asyncio.sleep(0)
    slots.resize(2)
    await waiting
    slots.resize(1)
    assert slots.taken == 2
    slots.give_back()
    assert not slots.try_take()
