import asyncio
import fcntl
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hortus_server.adapters.embedded.component import Display, Transfer
from hortus_server.adapters.embedded.errors import (
    DigestMismatchError,
    SourceFailedError,
    WeightsUnavailableError,
)
from hortus_server.adapters.embedded.home import write_private
from hortus_server.adapters.embedded.weights.catalogue import PinnedFile, PinnedModel
from hortus_server.adapters.embedded.weights.digest import sha256_of
from hortus_server.adapters.embedded.weights.sources import WeightSource

SPARE_BYTES = 256 * 1024 * 1024
COMPONENT = "weights"
LOCK_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class WeightsStore:
    """The folder of model files: `<models>/<model id>/<file>`, shared by any number of homes.

    A file counts only after its digest was verified. A stamp beside it then holds size, modification time
    and digest, so that later starts need not hash a gigabyte again.
    """

    models: Path

    def path(self, model: PinnedModel, file: PinnedFile) -> Path:
        """Where a file is, or will be."""
        return self.models / model.id / file.name

    def is_stamped(self, model: PinnedModel, file: PinnedFile) -> bool:
        """Whether the file was verified before and has not been touched since; instant."""
        path = self.path(model, file)
        try:
            stamp = json.loads(_stamp_of(path).read_text(encoding="utf-8"))
            found = path.stat()
            return bool(
                stamp["sha256"] == file.sha256
                and stamp["size"] == found.st_size
                and stamp["mtime_ns"] == found.st_mtime_ns
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False

    async def verify(self, model: PinnedModel, file: PinnedFile, display: Display) -> bool:
        """Whether the file is there with the pinned bytes; hashes it if no stamp says so, and stamps it."""
        if self.is_stamped(model, file):
            return True
        path = self.path(model, file)
        if not path.exists() or path.stat().st_size != file.size:
            return False
        actual = await sha256_of(path, on_bytes=_shown(display, f"verifying {file.name}", file.size))
        if actual != file.sha256:
            return False
        try:
            _stamp(path, actual)
        except OSError as error:
            # A shared folder may be read-only; then each start hashes.
            display.show_line(COMPONENT, f"cannot keep the verification of {file.name}: {error}")
        return True

    async def ensure(self, model: PinnedModel, *, sources: Sequence[WeightSource], display: Display) -> dict[str, Path]:
        """Have every file of the model, verified; fetch what is missing from the first source that gives it.

        Returns:
            The files by name.

        Raises:
            WeightsUnavailableError: Every source failed for a file.
        """
        for file in model.file:
            if await self.verify(model, file, display):
                continue
            scratch = self.models / model.id / ".partial"
            scratch.mkdir(parents=True, exist_ok=True)
            async with _alone(scratch, display):
                # Whoever held the lock before may have brought the file.
                if not await self.verify(model, file, display):
                    await self._fetch(model, file, sources=sources, display=display)
        _write_notice(self.models / model.id, model)
        return {file.name: self.path(model, file) for file in model.file}

    async def _fetch(
        self, model: PinnedModel, file: PinnedFile, *, sources: Sequence[WeightSource], display: Display
    ) -> None:
        folder = self.models / model.id
        if (free := shutil.disk_usage(folder).free) < file.size + SPARE_BYTES:
            reason = f"{free // 2**20} MiB free in {folder}, {(file.size + SPARE_BYTES) // 2**20} MiB needed"
            raise WeightsUnavailableError(file.name, {"disk": reason})
        reasons: dict[str, str] = {}
        for source in sources:
            if not source.offers(file):
                continue
            display.show_line(COMPONENT, f"fetching {file.name} from {source.name}")
            try:
                await self._fetch_from(source, model, file, display=display)
            except SourceFailedError as error:
                reasons[source.name] = str(error)
                display.show_line(COMPONENT, f"{source.name}: {error}")
            else:
                return
        raise WeightsUnavailableError(file.name, reasons or {"sources": "none offers this file"})

    async def _fetch_from(
        self, source: WeightSource, model: PinnedModel, file: PinnedFile, *, display: Display
    ) -> None:
        path = self.path(model, file)
        scratch = path.parent / ".partial"
        unverified = scratch / f"{file.name}.unverified"
        await source.fetch(file, unverified, scratch=scratch, on_bytes=_shown(display, file.name, file.size))
        actual = await sha256_of(unverified, on_bytes=_shown(display, f"verifying {file.name}", file.size))
        if actual != file.sha256:
            unverified.unlink()
            raise DigestMismatchError(file.name, expected=file.sha256, actual=actual)
        unverified.replace(path)
        _stamp(path, actual)


def _shown(display: Display, name: str, total: int) -> Callable[[int], None]:
    return lambda done: display.show_transfer(Transfer(name=name, done_bytes=done, total_bytes=total))


def _stamp_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.ok")


def _stamp(path: Path, digest: str) -> None:
    found = path.stat()
    stamp = {"sha256": digest, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    write_private(_stamp_of(path), json.dumps(stamp))
    # Other users may share the folder.
    _stamp_of(path).chmod(0o644)


@asynccontextmanager
async def _alone(folder: Path, display: Display) -> AsyncIterator[None]:
    """Be the only process that fetches into this folder."""
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    display.show_line(COMPONENT, f"another process is fetching into {folder.parent}; waiting")
                waiting = True
                await asyncio.sleep(LOCK_POLL_S)
        yield


def _write_notice(folder: Path, model: PinnedModel) -> None:
    """Put the licence notice beside the weights, as their licence asks."""
    notice = folder / "NOTICE"
    if notice.exists():
        return
    licence = resources.files(__package__).joinpath("APACHE-2.0.txt").read_text(encoding="utf-8")
    files = "".join(f"  {file.name}  sha256 {file.sha256}\n" for file in model.file)
    text = f"{model.id}\nOrigin: {model.origin}\nLicence: {model.license}\nUnmodified files:\n{files}\n{licence}"
    try:
        notice.write_text(text, encoding="utf-8")
    except OSError:
        # A shared read-only folder: its owner answers for the notice.
        return
