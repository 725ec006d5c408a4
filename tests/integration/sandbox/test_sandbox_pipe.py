"""Hostile ends of the typed pipe: they cost the call at most, never the server's time or the kind of its errors."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import uvloop

from hortus_agents.sandbox import CallExtras, SandboxLimits, SandboxOutcome, SandboxResult, open_sandbox

LIMITS = SandboxLimits(wall_s=10.0)
CALL = """
import os, time
def call(): os.write(60, b'{"call": "look", "arguments": {}}\\n')
def f():
    ATTEMPT
    return "alive"
"""


async def answer(name: str, arguments: Mapping[str, Any]) -> str:
    return "seen " * 1000


async def longest_stop(ended: asyncio.Event) -> float:
    """Seconds that the loop's other work had to wait at most, for what this thread computed meanwhile."""
    longest = 0.0
    while not ended.is_set():
        before = time.thread_time()  # the machine may stand still, which is nobody's fault
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - before)
    return longest


async def run(attempt: str, *, outputs: tuple[str, ...] = ()) -> SandboxResult:
    """On the tier that this host prefers: the pipe's server end is the same for all."""
    sandbox = await open_sandbox(concurrency=1)
    try:
        return await sandbox.run_function(
            CALL.replace("ATTEMPT", attempt),
            function="f",
            arguments={},
            limits=LIMITS,
            extras=CallExtras(outputs=outputs, answer_tool=answer),
        )
    finally:
        await sandbox.aclose()


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    "attempt", ["call(); os.close(61); time.sleep(0.3)", "os.write(61, b'x'); time.sleep(0.2); call(); time.sleep(0.2)"]
)
async def test_code_that_does_not_wait_for_its_reply_gets_none(
    loop: Callable[..., SandboxResult], attempt: str
) -> None:
    result = await asyncio.to_thread(loop, run(attempt))

    assert (result.outcome, result.value) == (SandboxOutcome.OK, "alive") or "Bad file descriptor" in result.error


async def test_replies_that_nobody_reads_end_with_the_call() -> None:
    result = await run("[call() for _ in range(40)]; os._exit(0)")

    assert (result.outcome, result.error) == (SandboxOutcome.FORBIDDEN, "more than 32 calls of tools")


@pytest.mark.parametrize("flood", ["b'\\n' * 65536", "b'x' * 65536"])
async def test_a_flood_of_lines_keeps_nobody_waiting(flood: str) -> None:
    ended = asyncio.Event()
    longest = asyncio.create_task(longest_stop(ended))

    result = await run(f"[os.write(60, {flood}) for _ in range(100)]", outputs=("one",))
    ended.set()

    assert result.outcome in {SandboxOutcome.OK, SandboxOutcome.CRASH}
    assert await longest < 1


async def test_numbers_that_are_none_are_no_answer() -> None:
    forged = """os.write(60, b'{"outcome": "ok", "value": [NaN, 1e999]}'); os._exit(0)"""

    result = await run(forged)

    assert (result.outcome, result.value) == (SandboxOutcome.CRASH, None)
