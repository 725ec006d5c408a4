"""Nothing of a jail outlives its call, its caller, its pool or its server."""

import asyncio
import gc
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox import Sandbox, SandboxLimits, SandboxOutcome, TierName, open_sandbox
from hortus_agents.sandbox.gvisor import BUNDLE_PREFIX
from hortus_agents.sandbox.jail import Jail
from hortus_agents.sandbox.pool import JailPool
from hortus_agents.sandbox.tiers import SCRATCH_PREFIX, BubblewrapTier, Tier, clear_launch

END_S = 60.0  # a busy machine
PREFIXES = (SCRATCH_PREFIX, BUNDLE_PREFIX)
FOREVER = "import time\nprint('begun')\nwhile True: time.sleep(0.01)"
LONG = SandboxLimits(wall_s=60)

SERVER = """
import asyncio, sys, psutil
from hortus_agents.sandbox import SandboxLimits, open_sandbox

async def main():
    sandbox = await open_sandbox(tier=sys.argv[1], concurrency=2)
    call = asyncio.create_task(sandbox.run_script("while True: pass", limits=SandboxLimits(wall_s=60, cpu_s=60)))
    while len(psutil.Process().children(recursive=True)) < 2:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
    await call

asyncio.run(main())
"""


_earlier: set[int] = set()
_earlier_folders: set[Path] = set()


@pytest.fixture(autouse=True)
def _what_other_tests_started() -> None:
    """What this process had before (a database, the pool of other modules) is none of the test's."""
    _earlier.clear()
    _earlier.update(child.pid for child in psutil.Process().children())
    _earlier_folders.clear()
    _earlier_folders.update(folders_left())


@pytest.fixture
async def sandbox(make_tier: Callable[[], Tier]) -> AsyncIterator[Sandbox]:
    """A pool of the test's own, whose processes it can tell."""
    opened = JailPool(make_tier(), concurrency=1)
    yield opened
    await opened.aclose()


def descendants() -> set[int]:
    found: set[int] = set()
    for child in psutil.Process().children():
        if child.pid in _earlier:
            continue
        found.add(child.pid)
        with suppress(psutil.NoSuchProcess):
            found.update(process.pid for process in child.children(recursive=True))
    return found


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.add(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def folders_left() -> list[Path]:
    """Of this process's jails, as far as the test made them."""
    found = [path for prefix in PREFIXES for path in Path(tempfile.gettempdir()).glob(f"{prefix}{os.getpid()}-*")]
    return [path for path in found if path not in _earlier_folders]


async def gone(pids: set[int]) -> bool:
    end = time.monotonic() + END_S
    while alive(pids) and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return not alive(pids)


async def waiting_jail(sandbox: Sandbox) -> set[int]:
    """The processes of the one jail that a pool of one keeps waiting."""
    assert isinstance(sandbox, JailPool)
    async with asyncio.timeout(END_S):
        while not sandbox._idle:
            await asyncio.sleep(0.01)
    return descendants()


async def test_finished_call_leaves_no_process(sandbox: Sandbox) -> None:
    jail = await waiting_jail(sandbox)
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(100,)).start()"

    result = await sandbox.run_script(source)

    assert result.outcome is SandboxOutcome.OK
    assert not alive(jail)


async def test_timed_out_call_leaves_no_process(sandbox: Sandbox) -> None:
    jail = await waiting_jail(sandbox)

    result = await sandbox.run_script(FOREVER, limits=SandboxLimits(wall_s=0.3))

    assert result.outcome is SandboxOutcome.TIMEOUT
    assert not alive(jail)


async def test_cancelled_call_leaves_no_process(sandbox: Sandbox) -> None:
    jail = await waiting_jail(sandbox)
    call = asyncio.create_task(sandbox.run_script(FOREVER, limits=LONG))
    await asyncio.sleep(0.3)
    assert alive(jail)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert not alive(jail)
    assert (await sandbox.run_script("1")).value == "1"


async def test_callers_own_timeout_ends_the_call(sandbox: Sandbox) -> None:
    jail = await waiting_jail(sandbox)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sandbox.run_script(FOREVER, limits=LONG)

    assert not alive(jail)


async def test_daemonised_grandchild_cannot_be_made(sandbox: Sandbox) -> None:
    before = descendants()
    source = """
import os, time
def f():
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
    except PermissionError:
        return "refused"
"""
    result = await sandbox.run_function(source, function="f", arguments={})
    await sandbox.aclose()

    assert result.value == "refused"
    assert await gone(descendants() | before)


async def test_close_ends_waiting_and_running_jails(tier: TierName) -> None:
    sandbox = await open_sandbox(tier=tier, concurrency=2)
    call = asyncio.create_task(sandbox.run_script(FOREVER, limits=LONG))
    async with asyncio.timeout(END_S):
        while not descendants():
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    jails = descendants()

    await sandbox.aclose()
    await sandbox.aclose()

    with pytest.raises(SandboxError, match="closed during the call"):
        await call
    with pytest.raises(SandboxError, match="is closed"):
        await sandbox.run_script("1")
    assert jails
    assert not alive(jails)
    assert not folders_left()


async def test_jail_killed_while_it_waits_is_replaced(sandbox: Sandbox) -> None:
    for pid in await waiting_jail(sandbox):
        os.kill(pid, signal.SIGKILL)

    result = await sandbox.run_script("6 * 7")

    assert (result.outcome, result.value) == (SandboxOutcome.OK, "42")


def _limit_that_leaves(free: int, soft: int) -> int:
    """A limit of descriptors that leaves so many: it bounds their numbers, between which earlier ones left holes."""
    used = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
    return [number for number in range(soft) if number not in used][free]


@pytest.mark.parametrize("tier", ["landlock", "bubblewrap"], indirect=True)
async def test_a_host_without_space_or_descriptors_is_told_and_got_over(
    make_tier: Callable[[], Tier], monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    sandbox = JailPool(make_tier(), concurrency=1)
    await waiting_jail(sandbox)
    gc.collect()  # what earlier tests left open is not to be closed in between
    before = psutil.Process().num_fds()
    await sandbox._idle.popleft().close()

    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    resource.setrlimit(resource.RLIMIT_NOFILE, (_limit_that_leaves(4, soft), hard))
    try:
        for _ in range(3):
            with pytest.raises(SandboxError, match=r"could not be (prepared|started)"):
                await sandbox.run_script("1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        monkeypatch.undo()

    await waiting_jail(sandbox)  # refilled, and not by a call
    assert psutil.Process().num_fds() == before
    assert (await sandbox.run_script("6 * 7")).value == "42"
    await sandbox.aclose()


async def test_more_calls_than_slots_wait_their_turn(tier: TierName) -> None:
    sandbox = await open_sandbox(tier=tier, concurrency=2)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(sandbox.run_script(f"import os\n{n}")) for n in range(8)]
    await sandbox.aclose()

    assert [call.result().value for call in calls] == [str(n) for n in range(8)]


async def test_server_killed_with_sigkill_leaves_none(tier: TierName) -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, tier, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    async with asyncio.timeout(100):
        pids = {int(pid) for pid in (await server.stdout.readline()).split()}
    assert len(alive(pids)) >= 2

    server.kill()
    await server.wait()

    assert await gone(pids), alive(pids)


@pytest.mark.parametrize("delay_ms", [0, 1, 2, 3, 5, 8, 12, 20, 30])
async def test_start_cancelled_at_any_moment_leaves_none(make_tier: Callable[[], Tier], delay_ms: int) -> None:
    starting = asyncio.create_task(Jail.start(make_tier()))
    await asyncio.sleep(delay_ms / 1000)
    pids = descendants()

    starting.cancel()
    await asyncio.wait([starting])
    if not starting.cancelled():
        await starting.result().close()

    assert await gone(pids)
    assert not descendants()
    assert not folders_left()


@pytest.mark.parametrize("tier", ["bubblewrap"], indirect=True)
async def test_half_made_namespace_of_a_killed_server_is_removed_by_the_next(tier: TierName) -> None:
    launch = BubblewrapTier().prepare()
    block, never_written = os.pipe()
    argv = (launch.argv[0], "--block-fd", str(block), *launch.argv[1:])
    bwrap = await asyncio.create_subprocess_exec(
        *argv, pass_fds=(*launch.inherited, block), env={}, stdin=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(END_S):
        while not (children := psutil.Process(bwrap.pid).children()):
            await asyncio.sleep(0.01)
    bwrap.kill()
    await bwrap.wait()
    half_made = {child.pid for child in children}
    assert alive(half_made)

    await (await open_sandbox(tier=tier)).aclose()

    assert await gone(half_made)
    for descriptor in (block, never_written, *launch.inherited):
        os.close(descriptor)
    clear_launch(launch)


async def test_scratch_of_a_killed_server_is_removed_by_the_next(tier: TierName) -> None:
    left = [Path(tempfile.mkdtemp(prefix=f"{prefix}999999999-1-")) for prefix in PREFIXES]
    for folder in left:
        (folder / "file").write_text("x")

    await (await open_sandbox(tier=tier)).aclose()

    assert not [folder for folder in left if folder.exists()]
