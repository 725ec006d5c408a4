"""What the kernel cannot bound for a jailed call is looked at from outside while the call runs."""

import asyncio
import os
from pathlib import Path

from hortus_agents.sandbox.contract import SCRATCH_MIB, SandboxLimits, SandboxOutcome

PERIOD_S = 0.05
SCRATCH_FILES = 4096
BLOCK = 512  # bytes, the unit of st_blocks


class StoppedCall(Exception):  # noqa: N818  # not a fault: a bound was reached
    """A bound that only the parent sees was exceeded."""

    def __init__(self, outcome: SandboxOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class JailWatch:
    """Counts a jail's threads, and its scratch files where they lie on the host's disk.

    RLIMIT_NPROC does not bind root's processes, and no limit of the kernel sums up a folder. Without a `pid` the jail's
    threads are not the host's.
    """

    def __init__(self, pid: int | None, scratch: Path | None, limits: SandboxLimits) -> None:
        self._pid = pid
        self._scratch = scratch
        self._limits = limits

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            StoppedCall: A bound is exceeded.
        """
        await asyncio.sleep(PERIOD_S)
        while True:
            self._check_threads()
            if self._scratch is not None:
                await asyncio.to_thread(self._check_scratch, self._scratch)
            await asyncio.sleep(PERIOD_S)

    def _check_threads(self) -> None:
        if self._pid is None:
            return
        try:
            alive = Path(f"/proc/{self._pid}/task").stat().st_nlink - 2
        except FileNotFoundError:
            return
        if alive > self._limits.processes:
            raise StoppedCall(SandboxOutcome.FORBIDDEN, f"{alive} threads, at most {self._limits.processes} allowed")

    def _check_scratch(self, folder: Path) -> None:
        files = size = 0
        for root, _, names in os.walk(folder):
            files += 1 + len(names)
            for name in names:
                try:
                    size += Path(root, name).lstat().st_blocks * BLOCK
                except FileNotFoundError:
                    continue
            if files > SCRATCH_FILES or size > SCRATCH_MIB * 1024 * 1024:
                raise StoppedCall(
                    SandboxOutcome.OUTPUT, f"scratch folder over {SCRATCH_MIB} MiB or {SCRATCH_FILES} files"
                )
