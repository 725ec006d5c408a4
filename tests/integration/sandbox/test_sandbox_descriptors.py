"""What the server has open stays closed to the code, also on the workers' event loop, which passes on all of it."""

import asyncio
import os
import socket
from collections.abc import Callable

import uvloop

from hortus_agents.sandbox import SandboxLimits, SandboxResult
from hortus_agents.sandbox.pool import JailPool
from hortus_agents.sandbox.tiers import Tier

LIMITS = SandboxLimits(wall_s=5.0)


async def test_nothing_that_the_server_has_open_is_open_inside(make_tier: Callable[[], Tier]) -> None:
    source = """
import os, stat
def f():
    found = []
    for number in range(3, 1024):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if not stat.S_ISDIR(mode) and not stat.S_ISCHR(mode):  # its scratch folder, its library, /dev/null
            found.append(number)
    return found
"""

    async def call() -> SandboxResult:
        pool = JailPool(make_tier(), concurrency=1)
        try:
            return await pool.run_function(source, function="f", arguments={}, limits=LIMITS)
        finally:
            await pool.aclose()

    ours, theirs = socket.socketpair()
    os.dup2(ours.fileno(), 777, inheritable=True)
    try:
        results = [await asyncio.to_thread(loop, call()) for loop in (asyncio.run, uvloop.run)]
    finally:
        os.close(777)
        ours.close()
        theirs.close()

    assert [result.value for result in results] == [[60], [60]]  # the channel of its answer
