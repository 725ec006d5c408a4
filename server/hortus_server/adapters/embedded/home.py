import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from hortus_server.adapters.embedded.errors import HomeLockedError

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600
FOLDERS = ("run", "log", "postgres", "valkey", "qdrant", "secrets")


def write_private(path: Path, content: str) -> None:
    """Replace `path` at once with mode 0600; a reader sees the old content or the new, never a part."""
    staged = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class HortusHome:
    """The one data directory of an embedded server.

    Holds `run/` (lock, state, ports), `log/`, `postgres/`, `valkey/`, `qdrant/`, `secrets/` and, unless
    it is kept elsewhere, `models/`. Every folder is private to its owner.
    """

    root: Path
    models: Path

    @classmethod
    def locate(cls, environment: Mapping[str, str]) -> "HortusHome":
        """Find the home from HORTUS_HOME, else `$XDG_DATA_HOME/hortus`, else `~/.hortus`.

        HORTUS_MODELS_DIR keeps the weights elsewhere, so that several homes share them.
        """
        if given := environment.get("HORTUS_HOME"):
            root = Path(given)
        elif shared := environment.get("XDG_DATA_HOME"):
            root = Path(shared) / "hortus"
        else:
            root = Path.home() / ".hortus"
        root = root.expanduser().absolute()
        models = environment.get("HORTUS_MODELS_DIR")
        return cls(root=root, models=Path(models).expanduser().absolute() if models else root / "models")

    def create(self) -> None:
        """Lay out the folders; what exists is kept."""
        # The superuser runs PostgreSQL as `nobody`, who must reach its own folder by name but list nothing.
        mode = 0o711 if os.geteuid() == 0 else PRIVATE_DIR
        if not self.root.exists():
            self.root.mkdir(parents=True)
            self.root.chmod(mode)
        for name in FOLDERS:
            folder = self.root / name
            if not folder.exists():
                folder.mkdir(mode=PRIVATE_DIR)
        self.models.mkdir(parents=True, exist_ok=True)

    @property
    def run(self) -> Path:
        """Lock, state and ports of the running supervisor."""
        return self.root / "run"

    @property
    def log(self) -> Path:
        """One bounded log file per component."""
        return self.root / "log"

    @property
    def state_file(self) -> Path:
        """What runs now, for `status`, `down` and the next start."""
        return self.run / "state.json"

    def folder(self, component: str) -> Path:
        """The data folder of one component."""
        return self.root / component

    def secret_file(self, name: str) -> Path:
        """The 0600 file of a generated secret, made at the first call.

        Two processes that ask at once get the same secret: the file appears complete or not at all.
        """
        path = self.root / "secrets" / name
        if not path.exists():
            staged = path.with_name(f".{name}.{uuid4().hex}")
            write_private(staged, secrets.token_urlsafe(32))
            try:
                with suppress(FileExistsError):
                    path.hardlink_to(staged)
            finally:
                staged.unlink()
        return path

    def secret(self, name: str) -> str:
        """The generated secret itself."""
        return self.secret_file(name).read_text(encoding="utf-8")

    @property
    def marker(self) -> str:
        """An id of this home that every supervised process carries in its environment."""
        return self.secret("home_id")

    @contextmanager
    def locked(self, *, now: datetime) -> Iterator[None]:
        """Own this home while the context lasts; the kernel frees it when the process dies.

        Raises:
            HomeLockedError: Another supervisor owns it.
        """
        path = self.run / "supervisor.lock"
        with path.open("a+", encoding="utf-8") as lock:
            path.chmod(PRIVATE_FILE)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = _read_owner(path)
                raise HomeLockedError(str(self.root), pid=owner[0], started_at=owner[1]) from error
            lock.seek(0)
            lock.truncate()
            json.dump({"pid": os.getpid(), "started_at": now.isoformat()}, lock)
            lock.flush()
            yield


def _read_owner(path: Path) -> tuple[int | None, datetime | None]:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return int(owner["pid"]), datetime.fromisoformat(owner["started_at"])
    except (ValueError, KeyError, TypeError):
        return None, None
