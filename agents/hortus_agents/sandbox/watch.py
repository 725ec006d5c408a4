"""What the kernel cannot bound for a jailed call is looked at from outside while the call runs."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from hortus_agents.sandbox.contract import SCRATCH_MIB, SandboxLimits, SandboxOutcome
from hortus_agents.sandbox.scratch import measure_folder, measure_nameless

PERIOD_S = 0.05
UNSEEN = 20  # looks in vain, one after another
SCRATCH_FILES = 4096
MIB = 1024 * 1024


class StoppedCall(Exception):  # noqa: N818  # not a fault: a bound was reached
    """A bound that only the parent sees was exceeded."""

    def __init__(self, outcome: SandboxOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class JailWatch:
    """Counts a jail's threads and the files of its scratch folder, and adds up those that lie on the host's disk.

    RLIMIT_NPROC does not bind root's processes, and no limit of the kernel sums up a folder; that of a mount of its own
    bounds bytes, but empty files are free there and cost the kernel's memory.

    Args:
        pid: The jail's process.
        scratch: Its scratch folder on the host's disk.
        mounted: Else, where in its root the file system lies that is its scratch folder.
    """

    def __init__(self, pid: int, limits: SandboxLimits, *, scratch: Path | None = None, mounted: str = "") -> None:
        self._pid = pid
        self._process = Path(f"/proc/{pid}")
        self._limits = limits
        self._scratch = scratch
        self._mounted = mounted

    async def run(self) -> None:
        """Look until cancelled, or until the jail has ended.

        Raises:
            StoppedCall: A bound is exceeded.
        """
        unseen = 0
        while unseen < UNSEEN:
            await asyncio.sleep(PERIOD_S)
            seen = self.look() if self._scratch is None else await asyncio.to_thread(self.look)
            unseen = 0 if seen else unseen + 1
        # Threads that come and go may never be met alive. Of one that ended, a busy machine tells its parent late.
        if self._has_ended():
            return
        raise StoppedCall(SandboxOutcome.FORBIDDEN, "the jail cannot be looked into: none of its threads stays")

    def look(self) -> bool:
        """Whether there was a living process to look at. Blocking.

        Raises:
            StoppedCall: A bound is exceeded, or the jail cannot be looked into.
        """
        try:
            threads = list((self._process / "task").iterdir())
            if len(threads) > self._limits.processes:
                reason = f"{len(threads)} threads, at most {self._limits.processes} allowed"
                raise StoppedCall(SandboxOutcome.FORBIDDEN, reason)
            thread = self._living(threads)
            files, size = (0, 0) if thread is None else self._measure(thread)
        except (FileNotFoundError, ProcessLookupError):
            return False
        except OSError as exc:
            raise StoppedCall(SandboxOutcome.FORBIDDEN, f"the jail cannot be looked into: {exc.strerror}") from exc
        if files > SCRATCH_FILES or size > SCRATCH_MIB * MIB:
            raise StoppedCall(SandboxOutcome.OUTPUT, f"scratch folder over {SCRATCH_MIB} MiB or {SCRATCH_FILES} files")
        return thread is not None

    def _has_ended(self) -> bool:
        """Whether nothing of it runs any more; what the host hides counts as running."""
        try:
            with suppress(PermissionError):
                os.kill(self._pid, 0)
            state, *fields = (self._process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except ProcessLookupError:
            return True
        except OSError:
            return False
        # Of a first thread that ended before others the state is the same; the kernel counts them under one lock.
        return state in "ZX" and int(fields[16]) <= 1

    @staticmethod
    def _living(threads: list[Path]) -> Path | None:
        """The first may have ended before the others; all of them share what is looked at."""
        for thread in threads:
            with suppress(FileNotFoundError, ProcessLookupError):
                (thread / "root").readlink()
                return thread
        return None

    def _measure(self, thread: Path) -> tuple[int, int]:
        """Files in scratch, and their bytes as far as they are the host's."""
        if self._scratch is None:
            found = os.statvfs(f"{thread}/root{self._mounted}")
            return found.f_files - found.f_ffree, 0
        files, size = measure_folder(self._scratch, most=SCRATCH_FILES)
        return files, size + measure_nameless(thread, self._scratch, file_bytes=self._limits.file_mib * MIB)
