"""Scratch folders: what is measured of them, and that nothing in them resists removal."""

import asyncio
import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from hortus_agents.sandbox.contract import SandboxLimits
from hortus_agents.sandbox.leftovers import remove_leftovers
from hortus_agents.sandbox.scratch import make_folder, measure_folder, measure_nameless, remove_folder
from hortus_agents.sandbox.tiers import SCRATCH_PREFIX
from hortus_agents.sandbox.watch import JailWatch, StoppedCall

OWN = Path("/proc/self")
MIB = 1 << 20


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / f"{SCRATCH_PREFIX}1-2-three"
    folder.mkdir()
    return folder


def nest(folder: Path, depth: int, name: str = "d") -> None:
    opened = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=opened)
        below = os.open(name, os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = below
    os.close(os.open("file", os.O_CREAT, dir_fd=opened))
    os.close(opened)


def test_no_length_of_a_path_keeps_a_folder_from_being_removed(scratch: Path) -> None:
    nest(scratch, 20, "x" * 250)
    remove_folder(scratch)
    assert not scratch.exists()


def test_removal_follows_no_link(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (scratch / "way").symlink_to(tmp_path / "outside")
    (scratch / "broken").symlink_to("nowhere")

    remove_folder(scratch)

    assert (tmp_path / "outside" / "kept").exists()
    assert not scratch.exists()


def test_every_kind_of_entry_counts(scratch: Path) -> None:
    (scratch / "folder").mkdir()
    (scratch / "folder" / "file").write_bytes(b"1" * MIB)
    (scratch / "to a folder").symlink_to("folder")

    entries, size = measure_folder(scratch, most=100)

    assert entries == 3
    assert size >= MIB
    assert measure_folder(scratch, most=1)[0] == 2


def test_what_is_too_long_to_be_looked_at_is_no_nothing(scratch: Path) -> None:
    nest(scratch, 20, "x" * 250)
    with pytest.raises(OSError, match="too long"):
        measure_folder(scratch, most=100)


def test_removed_files_count_while_they_are_held(scratch: Path) -> None:
    assert measure_nameless(OWN, scratch, file_bytes=8 * MIB) == 0
    with (scratch / "file").open("w+b") as file:
        file.write(b"1" * MIB)
        file.flush()
        (scratch / "file").unlink()
        assert MIB <= measure_nameless(OWN, scratch, file_bytes=8 * MIB) < 2 * MIB
        with mmap.mmap(file.fileno(), 4096):  # its holder closes nothing: Python keeps the file open with its mapping
            assert MIB <= measure_nameless(OWN, scratch, file_bytes=8 * MIB) < 2 * MIB
    assert measure_nameless(OWN, scratch, file_bytes=8 * MIB) == 0


def test_a_clock_that_is_set_leaves_folders_to_their_owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own, orphaned = make_folder(SCRATCH_PREFIX), tmp_path / f"{SCRATCH_PREFIX}999999999-1-x"
    orphaned.mkdir()
    boot = psutil.boot_time() + 60
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot)

    remove_leftovers()

    assert own.exists()
    assert not orphaned.exists()


def test_a_process_that_is_gone_was_not_seen() -> None:
    assert JailWatch(2**22 + 1, SandboxLimits(), mounted="/").look() is False


async def test_a_call_whose_process_lives_and_is_never_seen_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hortus_agents.sandbox.watch.PERIOD_S", 0)
    watch = JailWatch(os.getpid(), SandboxLimits(), mounted="/")
    watch._process = Path("/nowhere")  # as where the host hides processes
    with pytest.raises(StoppedCall, match="none of its threads stays"):
        await watch.run()


async def test_one_that_ended_is_no_fault_however_late_its_parent_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hortus_agents.sandbox.watch.PERIOD_S", 0)
    with subprocess.Popen(["true"], stdin=subprocess.DEVNULL) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # and lies there
        await JailWatch(ended.pid, SandboxLimits(), mounted="/").run()
    await JailWatch(2**22 + 1, SandboxLimits(), mounted="/").run()


async def test_a_first_thread_that_ended_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hortus_agents.sandbox.watch.PERIOD_S", 0)
    source = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall(60, 0)
"""
    with subprocess.Popen([sys.executable, "-S", "-c", source], stdin=subprocess.DEVNULL) as process:
        try:
            stat = Path(f"/proc/{process.pid}/stat")
            while stat.read_text().rpartition(")")[2].split()[0] != "Z":
                await asyncio.sleep(0.01)
            assert not JailWatch(process.pid, SandboxLimits(), mounted="/")._has_ended()
        finally:
            process.kill()


def test_more_mappings_than_anybody_reads_end_a_call(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hortus_agents.sandbox.scratch.MAPPINGS_BYTES", 100)
    with pytest.raises(StoppedCall, match="cannot be looked into: more than 100 bytes of mappings"):
        JailWatch(os.getpid(), SandboxLimits(processes=1000), scratch=scratch).look()
