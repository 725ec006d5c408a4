"""Folders of jails on the host's disk: made, measured and removed, whatever code has put into them."""

import errno
import os
import stat
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

BLOCK: Final = 512  # bytes, the unit of st_blocks
MAPPINGS_BYTES: Final = 1 << 20  # of a process's list of mappings: some ten thousand of them
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_folder(prefix: str) -> Path:
    """A folder of a jail on the host, named after this process so that a later one can tell whose it was."""
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-{_started(os.getpid())}-"))


def owner_is_alive(folder: Path, prefix: str) -> bool:
    """Whether the process still runs that `make_folder` named a folder after."""
    pid, started = folder.name.removeprefix(prefix).split("-")[:2]
    try:
        return _started(int(pid)) == int(started)
    except (ValueError, FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:  # somebody else's, who may be asked by nobody
        return True


def _started(pid: int) -> int:
    """Clock ticks from boot to a process's start: no clock that is set makes it another one."""
    after_name = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
    return int(after_name.split()[19])


def measure_folder(folder: Path, *, most: int) -> tuple[int, int]:
    """Entries below a folder, and their bytes on the disk; a number over `most` is as far as it counted.

    Raises:
        OSError: Part of it cannot be looked at: its path is too long, say.
    """
    found = size = 0
    waiting = [str(folder)]
    while waiting and found <= most:
        # What is removed or replaced meanwhile is of the next look.
        with suppress(FileNotFoundError, NotADirectoryError):
            with os.scandir(waiting.pop()) as names:
                entries = list(islice(names, most + 1 - found))
            found += len(entries)
            for entry in entries if found <= most else ():  # asking each takes longer than code takes to make it
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    size += status.st_blocks * BLOCK
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(entry.path)
    return found, size


def measure_nameless(process: Path, folder: Path, *, file_bytes: int) -> int:
    """Bytes of files that were removed from a folder and that a process (its folder in /proc) holds all the same.

    A file that is only mapped counts as `file_bytes`, since nobody but its holder can ask for its size.

    Raises:
        PermissionError: The process may not be looked into.
        OSError: It has more mappings than anybody reads, or is gone.
    """
    opened: dict[int, int] = {}
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            status = descriptor.stat()
            if status.st_nlink == 0 and stat.S_ISREG(status.st_mode):
                opened[status.st_ino] = status.st_blocks * BLOCK
    mapped = set(_nameless_mappings(process, folder))
    return sum(opened.values()) + len(mapped - opened.keys()) * file_bytes


def _nameless_mappings(process: Path, folder: Path) -> Iterator[int]:
    """Inodes of a folder's removed files that are mapped.

    A line is `range rights offset device inode path (deleted)`.
    """
    with (process / "maps").open("rb") as file:
        text = file.read(MAPPINGS_BYTES + 1)
    if len(text) > MAPPINGS_BYTES:
        raise OSError(errno.E2BIG, f"more than {MAPPINGS_BYTES} bytes of mappings")
    name = os.fsencode(folder.name)
    for line in text.splitlines():
        if line.endswith(b"(deleted)") and name in line:
            yield int(line.split(maxsplit=5)[4])


def remove_folder(folder: Path) -> None:
    """Remove a folder with all in it, as far as that is permitted; nobody may be at work in it any more.

    Code nests folders deeper than recursion and paths go, so each is brought to the top and emptied there.
    """
    with suppress(OSError):
        top = os.open(folder, _FOLDER)
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()


def _empty(top: int) -> None:
    waiting = deque(_folders_alone(top))
    fresh, brought = uuid4().hex, 0
    while waiting:
        name = waiting.popleft()
        opened = os.open(name, _FOLDER, dir_fd=top)
        try:
            for nested in _folders_alone(opened):
                brought += 1
                os.rename(nested, f"{fresh}-{brought}", src_dir_fd=opened, dst_dir_fd=top)
                waiting.append(f"{fresh}-{brought}")
        finally:
            os.close(opened)
        os.rmdir(name, dir_fd=top)


def _folders_alone(folder: int) -> list[str]:
    """The names of a folder's folders, once its files are deleted."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=folder)
    return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
