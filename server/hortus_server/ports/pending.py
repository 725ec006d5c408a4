"""What the store was asked and has not told yet."""

from collections.abc import Generator
from typing import Any, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Pending(Protocol[T_co]):
    """An answer that comes with the next one that is awaited, or with the commit: asked together, they are one trip.

    What is asked is done whether or not anybody looks at the answer, in the order in which it was asked.
    """

    def __await__(self) -> Generator[Any, None, T_co]:
        """Have all that was asked so far done, unless it is; then as `result`."""
        ...

    def result(self) -> T_co:
        """The answer, once it has come; raises what the method that was asked may raise, and RuntimeError before."""
        ...
