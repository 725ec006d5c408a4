"""Statements travel together: what a transaction asks for is queued, and goes to PostgreSQL in one message.

A message is one round trip, however many statements it holds. BEGIN waits for the first statement, COMMIT takes along
what nobody has awaited yet. Statements are prepared once for each connection and then called with literals, because
only PostgreSQL's simple protocol takes several statements in one message, and each is still parsed and planned once.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from psycopg import AsyncConnection, AsyncCursor
from psycopg.abc import AdaptContext
from psycopg.adapt import Transformer
from psycopg.pq import TransactionStatus
from psycopg.sql import Literal

T = TypeVar("T")
U = TypeVar("U")

PREPARED_AT_MOST: Final = 200  # statements for each connection; those used least lately go

Read = Callable[[AsyncCursor[Any]], Awaitable[T]]
"""Takes a statement's answer from the cursor that stands on it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A statement to be executed: by its name, under which `sql` is prepared, or without a name as it stands."""

    sql: bytes
    name: bytes | None = None
    arguments: bytes = b""

    @property
    def text(self) -> bytes:
        """What executes it, once it is prepared."""
        return self.sql if self.name is None else b"EXECUTE " + self.name + self.arguments


class Answer(Generic[T]):
    """See `Pending`: what a queued statement has answered, once its message was sent."""

    __slots__ = ("_messages", "_value")

    def __init__(self, messages: "Messages") -> None:
        self._messages = messages
        self._value: tuple[T] | None = None

    def __await__(self) -> Generator[Any, None, T]:
        """Send what is queued, unless the answer has come."""
        if self._value is None:
            yield from self._messages.send().__await__()
        return self.result()

    def result(self) -> T:
        """See `Pending`."""
        if self._value is None:
            raise RuntimeError("the statement was not sent, or failed")
        return self._value[0]

    def map(self, become: Callable[[T], U]) -> "Mapped[T, U]":
        """The same answer as something else; what `become` raises is raised to whoever asks for it."""
        return Mapped(self, become)

    def settle(self, value: T) -> None:
        """The answer has come."""
        self._value = (value,)


class Mapped(Generic[T, U]):
    """See `Answer.map`."""

    __slots__ = ("_become", "_of", "_value")

    def __init__(self, of: Answer[T], become: Callable[[T], U]) -> None:
        self._of = of
        self._become = become
        self._value: tuple[U] | None = None

    def __await__(self) -> Generator[Any, None, U]:
        """Send what is queued, unless the answer has come."""
        yield from self._of.__await__()
        return self.result()

    def result(self) -> U:
        """See `Pending`."""
        if self._value is None:
            self._value = (self._become(self._of.result()),)
        return self._value[0]


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T]):
    call: Call
    read: Read[T]
    answer: Answer[T]


class Messages:
    """What one connection is asked, in order; see the module. `is_tenants` tells whose transaction is under way."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.is_tenants = False
        self._connection = connection
        self._opening: tuple[bytes, ...] = ()
        self._asked: list[_Asked[Any]] = []
        self._prepared: OrderedDict[bytes, None] = OrderedDict()
        self._is_unsure = False  # whether statements are prepared of which `_prepared` does not know
        self._literals: AdaptContext | None = None

    def begin(self, opening: Sequence[bytes], *, is_tenants: bool) -> None:
        """The next message begins a transaction, with these statements."""
        self._opening = tuple(opening)
        self._asked.clear()
        self.is_tenants = is_tenants

    def ask(self, call: Call, read: Read[T]) -> Answer[T]:
        """Queue a statement for the next message."""
        answer: Answer[T] = Answer(self)
        self._asked.append(_Asked(call, read, answer))
        return answer

    def literal(self, value: object) -> bytes:
        """A value as it stands in a statement's text."""
        if self._literals is None:
            self._literals = Transformer(self._connection)
        return Literal(value).as_bytes(self._literals)

    async def send(self, closing: bytes | None = None) -> None:
        """Send what is queued, and `closing` behind it, in one message; settle the answers.

        Raises what the first statement that fails raises; those behind it are not executed.
        """
        asked, self._asked = self._asked, []
        await self._prepare(asked)
        opening, self._opening = self._opening, ()
        texts = [*opening, *(one.call.text for one in asked), *([] if closing is None else [closing])]
        if not texts:
            return
        cursor = await self._execute(texts)
        for _ in opening:
            cursor.nextset()
        for one in asked:
            one.answer.settle(await one.read(cursor))
            cursor.nextset()

    async def commit(self) -> None:
        """Send what is queued together with COMMIT; nothing, where nothing was asked since `begin`."""
        if self._asked or not self._opening:
            await self.send(b"COMMIT")
        self._end()

    async def roll_back(self) -> None:
        """Forget what is queued, and undo what was sent."""
        self._end()
        if self._connection.pgconn.transaction_status != TransactionStatus.IDLE:
            await self._connection.cursor().execute(b"ROLLBACK", prepare=False)

    def _end(self) -> None:
        self._asked.clear()
        self._opening = ()
        self.is_tenants = False

    async def _prepare(self, asked: Sequence[_Asked[Any]]) -> None:
        """Prepare, in a message of its own, what is new to the connection: a plan keeps the text that it came with."""
        new: dict[bytes, bytes] = {}
        for call in (one.call for one in asked):
            if call.name is None:
                continue
            if call.name in self._prepared:
                self._prepared.move_to_end(call.name)
            else:
                new[call.name] = b"PREPARE " + call.name + b" AS " + call.sql
        if not new:
            return
        gone = list(self._prepared)[: max(len(self._prepared) + len(new) - PREPARED_AT_MOST, 0)]
        opening, self._opening = self._opening, ()
        try:
            await self._execute([*opening, *(b"DEALLOCATE " + name for name in gone), *new.values()])
        except BaseException:
            self._prepared.clear()
            self._is_unsure = True
            raise
        for name in gone:
            del self._prepared[name]
        self._prepared.update(dict.fromkeys(new))

    async def _execute(self, texts: Sequence[bytes]) -> AsyncCursor[Any]:
        cursor = self._connection.cursor()
        if self._is_unsure:
            await cursor.execute(b"DEALLOCATE ALL", prepare=False)
            self._is_unsure = False
        # Unprepared and without parameters: so psycopg takes the protocol for several statements at a time.
        return await cursor.execute(b"\n;\n".join(texts), prepare=False)


class StoreConnection(AsyncConnection[Any]):
    """A connection that is asked in messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.messages = Messages(self)

    async def execute(self, *args: Any, **kwargs: Any) -> AsyncCursor[Any]:
        """A statement of its own, behind what is queued: never before the transaction that it belongs to has begun."""
        await self.messages.send()
        return await super().execute(*args, **kwargs)
