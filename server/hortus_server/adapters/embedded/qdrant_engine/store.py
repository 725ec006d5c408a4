"""Collections on disk, one engine shard each.

Layout: ``ROOT/.lock`` (held while the process lives), ``ROOT/<name>/collection.json`` (the request that
created the collection; written last, so that a folder without it is an unfinished creation that nobody was
told about) and ``ROOT/<name>/shard`` (the engine's files with their write-ahead log).

All methods block and may be called from several threads at once: the engine synchronises its own reads and
writes.
"""

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

import qdrant_edge as edge

from hortus_server.adapters.embedded.qdrant_engine import protocol, translate, wire
from hortus_server.adapters.embedded.qdrant_engine.errors import (
    BadRequestError,
    CollectionExistsError,
    CollectionMissingError,
    EngineError,
    EngineStartError,
)

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_MARKER = "collection.json"
_SHARD = "shard"
_NAME = re.compile(protocol.COLLECTION_NAME)
# The engine raises bare exceptions; these texts are the caller's fault, all others are ours.
_CALLER_FAULTS = ("vector dimension", "not existing vector", "wrong input", "bad request", "validation error")


class Collection:
    """One open collection. Updates are in the write-ahead log when a call returns."""

    def __init__(self, name: str, request: protocol.CreateCollection, shard: edge.EdgeShard) -> None:
        self.name = name
        self.request = request
        self._shard = shard
        self._closed = False
        self._dirty = False
        self._operations = 0
        self._count_lock = Lock()  # protects _operations

    def read(self, call: Callable[[edge.EdgeShard], _Result]) -> _Result:
        """Run a call against the shard with the engine's errors translated.

        Raises:
            BadRequestError: the engine blames the request.
            CollectionMissingError: the collection was deleted meanwhile.
            EngineError: anything else that the engine reports.
        """
        try:
            return call(self._shard)
        except EngineError:
            raise
        except Exception as error:
            if self._closed:
                raise CollectionMissingError(self.name) from error
            text = str(error)
            if isinstance(error, ValueError | TypeError | OverflowError) or text.lower().startswith(_CALLER_FAULTS):
                raise BadRequestError(f"Wrong input: {text}") from error
            raise EngineError(f"Service internal error: {text}") from error

    def update(self, operation: edge.UpdateOperation) -> int:
        """Apply an update; returns its operation number in this process's life."""
        self.read(lambda shard: shard.update(operation))
        self._dirty = True
        with self._count_lock:
            self._operations += 1
            return self._operations

    def check_points(self, points: list[protocol.PointStruct]) -> None:
        """Refuse vectors that do not fit before anything is written.

        The engine itself stores the points of a failing update without their vectors.

        Raises:
            BadRequestError: unknown vector name, wrong kind or wrong dimension.
        """
        for point in points:
            named = point.vector if isinstance(point.vector, dict) else {"": point.vector}
            for name, vector in named.items():
                self._check_vector(name, vector)

    def _check_vector(self, name: str, vector: list[float] | wire.Sparse) -> None:
        dense = self.request.dense.get(name)
        if isinstance(vector, wire.Sparse):
            if name not in self.request.sparse_vectors:
                raise BadRequestError(f"Wrong input: Not existing sparse vector name error: {name}")
        elif dense is None:
            raise BadRequestError(f"Wrong input: Not existing vector name error: {name}")
        elif len(vector) != dense.size:
            raise BadRequestError(f"Wrong input: Vector dimension error: expected dim: {dense.size}, got {len(vector)}")

    def flush(self) -> None:
        """Bring what was updated since the last flush to the disk itself."""
        if self._dirty and not self._closed:
            self._dirty = False
            self.read(lambda shard: shard.flush())

    def close(self) -> None:
        """Release the shard; later calls find the collection missing."""
        if not self._closed:
            self._closed = True
            self._shard.close()


class CollectionStore:
    """All collections of one data directory, owned by this process alone.

    Raises:
        EngineStartError: another process owns the directory, or a collection cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._collections: dict[str, Collection] = {}
        self._structure_lock = Lock()  # protects creation and deletion of collections
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock_fd = self._own(root / ".lock")
            self._open_all()
        except OSError as error:
            raise EngineStartError(f"cannot use the data directory {root}: {error}") from error

    @staticmethod
    def _own(path: Path) -> int:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise EngineStartError(
                f"the data directory {path.parent} is in use by process {owner}: "
                "only one engine process may own it; stop that one or give another --path"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return fd

    def _open_all(self) -> None:
        for folder in sorted(path for path in self._root.iterdir() if path.is_dir()):
            marker = folder / _MARKER
            if not marker.exists():
                _log.warning("removing unfinished collection folder %s", folder.name)
                shutil.rmtree(folder)
                continue
            try:
                request = protocol.CreateCollection.model_validate_json(marker.read_bytes())
                shard = edge.EdgeShard.load(str(folder / _SHARD))
            except Exception as error:  # the engine raises bare exceptions
                raise EngineStartError(
                    f"cannot open collection {folder.name}: {error}; move {folder} away to start without it, "
                    "it can be rebuilt from the database"
                ) from error
            self._collections[folder.name] = Collection(folder.name, request, shard)

    def names(self) -> list[str]:
        """Names of all collections, sorted."""
        return sorted(self._collections)

    def get(self, name: str) -> Collection:
        """The open collection.

        Raises:
            CollectionMissingError: there is none.
        """
        collection = self._collections.get(name)
        if collection is None:
            raise CollectionMissingError(name)
        return collection

    def create(self, name: str, request: protocol.CreateCollection) -> None:
        """Create a collection; it survives kill -9 once this returns.

        Raises:
            BadRequestError: the name is not allowed, or there is no vector to store.
            CollectionExistsError: there is one already.
        """
        if not _NAME.match(name):
            raise BadRequestError(f"Wrong input: collection name {name!r} must be 1 to 128 letters, digits, '_' or '-'")
        if not request.dense and not request.sparse_vectors:
            raise BadRequestError("Wrong input: a collection needs at least one vector")
        if request.dense.keys() & request.sparse_vectors.keys():
            raise BadRequestError("Wrong input: dense and sparse vectors must have different names")
        with self._structure_lock:
            if name in self._collections:
                raise CollectionExistsError(name)
            folder = self._root / name
            folder.mkdir(mode=0o700)
            try:
                shard = edge.EdgeShard.create(str(folder / _SHARD), translate.build_config(request))
                shard.flush()
                _write_durably(folder / _MARKER, request.model_dump_json(exclude_none=True).encode())
                _sync_folder(self._root)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # or the name could not be used until a restart
                raise
            self._collections[name] = Collection(name, request, shard)

    def drop(self, name: str) -> bool:
        """Delete a collection with its files; whether there was one."""
        with self._structure_lock:
            collection = self._collections.pop(name, None)
            if collection is None:
                return False
            folder = self._root / name
            (folder / _MARKER).unlink()  # first: from here on a restart removes the rest
            _sync_folder(folder)
            collection.close()
            shutil.rmtree(folder)
            return True

    def flush(self) -> None:
        """Flush all collections that changed; one failing flush does not keep the others from theirs."""
        for name in self.names():
            try:
                self.get(name).flush()
            except EngineError:
                _log.exception("flushing collection %s failed", name)

    def close(self) -> None:
        """Flush and close everything and give the data directory free."""
        self.flush()
        with self._structure_lock:
            for collection in self._collections.values():
                collection.close()
            self._collections.clear()
        os.close(self._lock_fd)


def _write_durably(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
