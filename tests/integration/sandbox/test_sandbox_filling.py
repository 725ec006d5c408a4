"""Attempts to fill the host from the scratch folder, out of sight: each ends within the folder's bounds."""

import os
import tempfile
from pathlib import Path

import pytest

from hortus_agents.sandbox import Sandbox, SandboxLimits, SandboxOutcome
from hortus_agents.sandbox.tiers import SCRATCH_PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="session")  # that of the shared pool
LIMITS = SandboxLimits(wall_s=20, cpu_s=20)
# 160 MiB where the code finds room for them, then time enough to be seen, also on a busy machine.
FILL = """
import ctypes, os, time
MIB = b"1" * (1 << 20)
kept = []

def f():
    for number in range(20):
        name = hide(number)
        file = os.open(name, os.O_CREAT | os.O_RDWR)
        for _ in range(8):
            os.write(file, MIB)
        keep(name, file)
    time.sleep(15)
"""
WAYS = {
    "beyond the length of paths": """
def hide(number):
    if not number:
        for _ in range(17):
            os.mkdir("x" * 250); os.chdir("x" * 250)
    return str(number)
def keep(name, file): os.close(file)
""",
    "removed and open": """
def hide(number): return str(number)
def keep(name, file): os.unlink(name)
""",
    "removed and mapped": """
libc = ctypes.CDLL(None)
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def hide(number): return str(number)
def keep(name, file): os.unlink(name); libc.mmap(None, 4096, 1, 2, file, 0); os.close(file)
""",
    "behind a first thread that ended": """
import _thread
fill = None
def hide(number): return str(number)
def keep(name, file): os.unlink(name)
def last():
    fill(); time.sleep(15)
""",
}
AS_LAST_THREAD = """
fill = f
def f():
    _thread.start_new_thread(last, ())
    ctypes.CDLL(None).syscall(60, 0)
"""


def own_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}{os.getpid()}-*"))


@pytest.mark.parametrize("way", WAYS)
async def test_bytes_cannot_be_hidden(sandbox: Sandbox, way: str) -> None:
    last = AS_LAST_THREAD if "thread" in way else ""
    result = await sandbox.run_function(FILL + WAYS[way] + last, function="f", arguments={}, limits=LIMITS)

    if sandbox.tier == "landlock":
        assert result.outcome in {SandboxOutcome.OUTPUT, SandboxOutcome.FORBIDDEN}, result
    else:  # a file system of its own, which is full
        assert "No space left" in result.error + result.stdout or result.outcome is SandboxOutcome.FORBIDDEN, result


@pytest.mark.parametrize("make", ["os.close(os.open(name, os.O_CREAT))", "os.symlink('.', name)"])
async def test_files_without_bytes_are_counted(sandbox: Sandbox, make: str) -> None:
    if sandbox.tier == "gvisor":
        pytest.skip("its files are memory of the container's own kernel")
    source = f"import os\ndef f():\n    for number in range(10**6):\n        name = str(number)\n        {make}"

    result = await sandbox.run_function(source, function="f", arguments={}, limits=LIMITS)

    assert (result.outcome, result.error) == (SandboxOutcome.OUTPUT, "scratch folder over 32 MiB or 4096 files")


async def test_folders_nested_beyond_recursion_are_removed_with_the_call(sandbox: Sandbox) -> None:
    before = own_folders()
    source = "import os\nfor _ in range(1200):\n    os.mkdir('d')\n    os.chdir('d')"

    result = await sandbox.run_script(source, limits=LIMITS)

    assert result.outcome in {SandboxOutcome.OK, SandboxOutcome.FORBIDDEN}
    assert len(own_folders() - before) <= 2, "the pool's waiting jails have one each"


async def test_a_name_longer_than_paths_go_ends_the_call_alone(sandbox: Sandbox) -> None:
    source = """
import os, time
for _ in range(15):
    os.mkdir("x" * 250); os.chdir("x" * 250)
for length in range(100, 256, 5):
    open("f" * length, "w").close()
time.sleep(0.5)
"""
    result = await sandbox.run_script(source, limits=LIMITS)

    assert result.outcome in {SandboxOutcome.OK, SandboxOutcome.FORBIDDEN}


async def test_files_are_not_shared_out_where_nobody_looks(sandbox: Sandbox) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def f():
    calls = {
        "a table of files of its own": (libc.close_range, 60, 50, 2),
        "space without a byte written": (libc.fallocate, 1, 0, 0, 1 << 30),
    }
    return {name: (call(*values), ctypes.get_errno()) for name, (call, *values) in calls.items()}
"""
    result = await sandbox.run_function(source, function="f", arguments={})

    assert result.value == {"a table of files of its own": [-1, 1], "space without a byte written": [-1, 1]}
