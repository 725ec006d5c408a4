"""Answers that may be a few seconds old: a small bounded cache whose misses are looked up once."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class BriefCache(Generic[K, V]):
    """Keeps what was found for `ttl_s` seconds; what was not found is asked for again.

    Requests that miss together share one look, so that a busy row is not fought over.
    """

    ttl_s: float
    size: int = 4096
    monotonic: Callable[[], float] = time.monotonic
    _kept: OrderedDict[K, tuple[float, V]] = field(default_factory=OrderedDict)
    # One per entry, held while it is looked up.
    _looks: WeakValueDictionary[K, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def get(self, entry: K, look: Callable[[], Awaitable[V | None]]) -> V | None:
        """What is kept, else what `look` finds."""
        kept = self._fresh(entry)
        if kept is not None:
            return kept
        lock = self._looks.get(entry)
        if lock is None:
            lock = self._looks[entry] = asyncio.Lock()
        async with lock:
            kept = self._fresh(entry)
            if kept is None:
                kept = await look()
                self._keep(entry, kept)
        return kept

    def holds(self, entry: K) -> bool:
        """Whether asking for it needs no look."""
        return self._fresh(entry) is not None

    def forget(self, which: Callable[[V], bool]) -> None:
        """Drop what fits, because it was changed here."""
        for entry, (_, value) in list(self._kept.items()):
            if which(value):
                del self._kept[entry]

    def _fresh(self, entry: K) -> V | None:
        found = self._kept.get(entry)
        if found is None:
            return None
        if self.monotonic() - found[0] > self.ttl_s:
            del self._kept[entry]
            return None
        return found[1]

    def _keep(self, entry: K, value: V | None) -> None:
        if value is None:
            return
        self._kept[entry] = (self.monotonic(), value)
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)
