"""What blots secrets out of all that this process tells about itself: logs, tracebacks, spans."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_blotters: list[Callable[[str], str]] = []  # the process's own; logs belong to the whole process


@contextmanager
def blotting(blot: Callable[[str], str]) -> Iterator[None]:
    """Pass every text of logs and spans through `blot`, while the block lasts."""
    _blotters.append(blot)
    try:
        yield
    finally:
        _blotters.remove(blot)


def blotted(text: str) -> str:
    """The text as it may be shown outside of this process."""
    for blot in _blotters:
        text = blot(text)
    return text
