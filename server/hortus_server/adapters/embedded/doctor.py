import ctypes.util
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from hortus_server.adapters.embedded import model_server, postgres, valkey
from hortus_server.adapters.embedded.binaries import postgres_binary, valkey_binary
from hortus_server.adapters.embedded.errors import PlatformError, UnknownModelError
from hortus_server.adapters.embedded.identity import unprivileged_identity, user_namespaces_work
from hortus_server.adapters.embedded.lifecycle import StatusRow, read_status
from hortus_server.adapters.embedded.plan import EMBEDDINGS, EXTERNAL_URLS, EmbeddedOptions
from hortus_server.adapters.embedded.ports import PortBook, port_is_free
from hortus_server.adapters.embedded.weights.catalogue import EMBEDDING_MODEL, find_model
from hortus_server.adapters.embedded.weights.store import WeightsStore

Outcome = Literal["ok", "warn", "fail"]
OLDEST_PYTHON = (3, 11)
DATABASE_ROOM_MIB = 1024
TIGHT_ROOM_MIB = 4096
SERVICES_MEMORY_MIB = 700
MIB = 1024 * 1024
LANDLOCK_SECURITY_FILE = Path("/sys/kernel/security/lsm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding of `hortus doctor`; `mend` says what to do and is empty when all is well."""

    name: str
    outcome: Outcome
    detail: str
    mend: str = ""


ExtraCheck = Callable[[], Awaitable[Check]]
"""A check of another part of the server, such as the sandbox, given by the caller."""


async def examine(options: EmbeddedOptions, *, extra: Sequence[ExtraCheck] = ()) -> list[Check]:
    """Check this machine and every component; changes nothing and starts nothing that stays."""
    rows = await read_status(options)
    running = {row.name for row in rows if row.pid is not None}
    checks = [_python(), _memory(options, running), _disk(options), _folder(options)]
    if options.starts(postgres.NAME):
        checks.append(await _postgres(options))
    if options.starts(valkey.NAME):
        checks.append(_valkey())
    if options.starts(model_server.NAME):
        checks += [_openmp(), _chat_weights(options)]
    if options.starts(EMBEDDINGS):
        checks.append(_stamped("embedding weights", EMBEDDING_MODEL, options))
    checks += [await _namespaces(), _ports(options, running)]
    checks += [_component(row) for row in rows]
    checks += [await check() for check in extra]
    return checks


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check(name="python", outcome="ok", detail=version)
    return Check(name="python", outcome="fail", detail=version, mend="install Python 3.11 or newer")


def _memory(options: EmbeddedOptions, running: set[str]) -> Check:
    available = psutil.virtual_memory().available // MIB
    needed = SERVICES_MEMORY_MIB
    if options.starts(model_server.NAME) and model_server.NAME not in running:
        try:
            needed += find_model(options.model_id).memory_mib if options.model_file is None else 0
        except UnknownModelError:
            needed += 0
    detail = f"{available} MiB available, about {needed} MiB needed"
    if available >= needed:
        return Check(name="memory", outcome="ok", detail=detail)
    return Check(
        name="memory",
        outcome="warn",
        detail=detail,
        mend="set HORTUS_EMBEDDED_MODEL=qwen2.5-coder-0.5b, or HORTUS_MODEL_URL to a model elsewhere",
    )


def _disk(options: EmbeddedOptions) -> Check:
    folder = _existing(options.home.root)
    free = shutil.disk_usage(folder).free // MIB
    detail = f"{free} MiB free in {folder}"
    mend = f"free some space there, or set HORTUS_HOME to a larger disk ({DATABASE_ROOM_MIB} MiB at least)"
    if free < DATABASE_ROOM_MIB:
        return Check(name="disk", outcome="fail", detail=detail, mend=mend)
    if free < TIGHT_ROOM_MIB:
        return Check(name="disk", outcome="warn", detail=detail, mend=mend)
    return Check(name="disk", outcome="ok", detail=detail)


def _folder(options: EmbeddedOptions) -> Check:
    root = options.home.root
    if not root.exists():
        if os.access(_existing(root), os.W_OK):
            return Check(name="home", outcome="ok", detail=f"{root} will be created at the first start")
        mend = "set HORTUS_HOME to a folder that you can write"
        return Check(name="home", outcome="fail", detail=f"{root} cannot be created", mend=mend)
    loose = [folder.name for folder in (root / "secrets", root / "run") if folder.exists() and _is_open(folder)]
    if loose:
        mend = f"chmod 700 {' '.join(str(root / name) for name in loose)}"
        detail = f"other users can read {', '.join(loose)} in {root}"
        return Check(name="home", outcome="fail", detail=detail, mend=mend)
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        mend = f"mount it for writing: mount -o remount,rw {_mount(root)}; or set HORTUS_HOME to another folder"
        return Check(
            name="home", outcome="fail", detail=f"{root} is on a file system that is mounted read-only", mend=mend
        )
    if not os.access(root, os.W_OK):
        mend = f"give it back to its user: chown -R $(id -u) {root}"
        return Check(name="home", outcome="fail", detail=f"{root} is not writable", mend=mend)
    return Check(name="home", outcome="ok", detail=str(root))


def _mount(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_mount())


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o077)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


async def _postgres(options: EmbeddedOptions) -> Check:
    name = "postgres binaries"
    try:
        server = postgres_binary("postgres")
        identity = await unprivileged_identity(options.home.folder(postgres.NAME), server)
    except PlatformError as error:
        mend = "run as an ordinary user, or set HORTUS_DATABASE_URL to a PostgreSQL 15 or newer"
        return Check(name=name, outcome="fail", detail=str(error), mend=mend)
    how = {"self": "as this user", "userns": "in a user namespace"}.get(identity, f"as user {identity}")
    return Check(name=name, outcome="ok", detail=f"{server}, run {how}")


def _valkey() -> Check:
    try:
        return Check(name="valkey binary", outcome="ok", detail=str(valkey_binary()))
    except PlatformError as error:
        mend = "set HORTUS_BROKER_URL to a Valkey or Redis server"
        return Check(name="valkey binary", outcome="fail", detail=str(error), mend=mend)


def _openmp() -> Check:
    library = ctypes.util.find_library("gomp")
    if library is not None:
        return Check(name="OpenMP", outcome="ok", detail=library)
    return Check(
        name="OpenMP",
        outcome="fail",
        detail="libgomp.so.1 is missing; the model server needs it",
        mend="apt-get install libgomp1 (or your system's package of GCC's OpenMP), or set HORTUS_MODEL_URL",
    )


def _chat_weights(options: EmbeddedOptions) -> Check:
    name = "model weights"
    if options.model_file is None:
        return _stamped(name, options.model_id, options)
    if options.model_file.is_file():
        detail = f"{options.model_file}, your own and not checked against a pin"
        return Check(name=name, outcome="ok", detail=detail)
    mend = "correct HORTUS_MODEL_FILE or unset it"
    return Check(name=name, outcome="fail", detail=f"there is no file {options.model_file}", mend=mend)


def _stamped(name: str, model_id: str, options: EmbeddedOptions) -> Check:
    store = WeightsStore(options.home.models)
    try:
        model = find_model(model_id)
    except UnknownModelError as error:
        return Check(name=name, outcome="fail", detail=str(error), mend="correct HORTUS_EMBEDDED_MODEL")
    if all(store.is_stamped(model, file) for file in model.file):
        return Check(name=name, outcome="ok", detail=f"{model_id} in {store.models}, verified by digest")
    return Check(
        name=name,
        outcome="warn",
        detail=f"{model_id} is not there or not verified yet; `hortus up` fetches {model.size // MIB} MiB",
        mend="without a network: copy the file into HORTUS_MODELS_DIR, or set HORTUS_MODEL_FILE or HORTUS_MODEL_URL",
    )


async def _namespaces() -> Check:
    name = "user namespaces"
    if await user_namespaces_work():
        return Check(name=name, outcome="ok", detail="allowed")
    detail = f"refused; Landlock is {'active' if _landlock_is_active() else 'not reported by the kernel'}"
    mend = "allow them (sysctl kernel.unprivileged_userns_clone=1, or a container profile that permits unshare)"
    return Check(name=name, outcome="warn", detail=detail, mend=mend)


def _landlock_is_active() -> bool:
    try:
        return "landlock" in LANDLOCK_SECURITY_FILE.read_text(encoding="ascii")
    except OSError:
        return False


def _ports(options: EmbeddedOptions, running: set[str]) -> Check:
    book = PortBook(options.home.run / "ports.json")
    taken = [
        f"{name} {port}"
        for name in EXTERNAL_URLS
        if options.starts(name)
        and name not in running
        and (port := options.ports.get(name, book.get(name))) is not None
        and not port_is_free(port)
    ]
    if not taken:
        return Check(name="ports", outcome="ok", detail="free")
    fixed = any(name.split()[0] in options.ports for name in taken)
    return Check(
        name="ports",
        outcome="fail" if fixed else "warn",
        detail=f"taken: {', '.join(taken)}",
        mend="stop what uses them or give other ports" if fixed else "none needed: another port will be chosen",
    )


def _component(row: StatusRow) -> Check:
    detail = " ".join(part for part in (row.status, row.url, row.detail) if part)
    log = f"read log/{row.name}.log in HORTUS_HOME, then `hortus down` and `hortus up`"
    if row.answers is False:
        mend = f"start it, or correct {EXTERNAL_URLS[row.name]}" if row.status == "external" else log
        return Check(name=row.name, outcome="fail", detail=f"{detail}, no answer", mend=mend)
    if row.status in {"failed", "unhealthy", "restarting"} or (row.detail and row.status == "stopped"):
        return Check(name=row.name, outcome="fail", detail=detail, mend=log)
    if row.status == "stopped":
        return Check(name=row.name, outcome="warn", detail="not running", mend="`hortus up` starts it")
    return Check(name=row.name, outcome="ok", detail=detail)
