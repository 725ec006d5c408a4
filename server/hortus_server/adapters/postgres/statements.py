"""SQL beside its adapter: `-- name: claim_run :one`, a line that says what for, then the statement.

Kinds: `:one` gives a row or None, `:many` all rows, `:exec` the number of rows. `:page` is `:many` that is planned
anew for its parameters, because its optional filters would mislead a plan that is made once for all of them.

Asking queues a statement, awaiting the answer sends what is queued; see `messages`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import kwargs_row

from hortus_server.adapters.postgres.messages import Answer, Call, Read, StoreConnection

Kind = Literal["one", "many", "exec", "page"]
T = TypeVar("T")

__all__ = ["Answer", "Executor", "Statement", "StoreConnection", "load_statements", "parse_statements"]

_PLACEHOLDER: Final = re.compile(rb"%\(([a-z_0-9]+)\)s")
# Whatever else is no statement with a plan, and stands in a message as it is.
_PLANNED: Final = re.compile(rb"(?:\s|--[^\n]*\n)*(?:SELECT|INSERT|UPDATE|DELETE|WITH|VALUES|MERGE)\b")
_HEADER = re.compile(r"^-- name: (?P<name>[a-z_]+) :(?P<kind>one|many|exec|page)\n-- (?P<purpose>.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One named statement; `sql` uses psycopg's `%(name)s` placeholders."""

    name: str
    kind: Kind
    purpose: str
    sql: bytes
    source: str = ""

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the placeholders, in the order in which they first appear."""
        return tuple(dict.fromkeys(name.decode() for name in _PLACEHOLDER.findall(self.sql)))

    @cached_property
    def prepared_name(self) -> bytes | None:
        """What it is prepared under; None for what must not be, or cannot be, prepared."""
        if self.kind == "page" or _PLANNED.match(self.sql) is None:
            return None
        return f"{self.source.removesuffix('.sql')}_{self.name}".encode()

    @cached_property
    def numbered_sql(self) -> bytes:
        """With PostgreSQL's own placeholders."""
        return self.filled({name: b"$%d" % number for number, name in enumerate(self.parameters, start=1)})

    def filled(self, texts: Mapping[str, bytes]) -> bytes:
        """With these in the places of its placeholders."""
        parts = _PLACEHOLDER.split(self.sql)
        parts[1::2] = [texts[name.decode()] for name in parts[1::2]]
        return b"".join(part if place % 2 else part.replace(b"%%", b"%") for place, part in enumerate(parts))


def load_statements(file_name: str) -> Mapping[str, Statement]:
    """The statements of a `.sql` file in this package, by name. Raises ValueError as `parse_statements` does."""
    return parse_statements(files(__package__).joinpath(file_name).read_text(encoding="utf-8"), source=file_name)


def parse_statements(text: str, *, source: str) -> Mapping[str, Statement]:
    """Statements by name. Raises ValueError for text outside a block, a bad `-- name:` line or a name used twice."""
    headers = list(_HEADER.finditer(text))
    if not headers or text[: headers[0].start()].strip():
        raise ValueError(f"{source}: text before the first '-- name:' block")
    ends = [header.start() for header in headers[1:]] + [len(text)]
    found = {
        header["name"]: Statement(
            header["name"],
            cast("Kind", header["kind"]),
            header["purpose"],
            text[header.end() : end].strip().encode(),
            source,
        )
        for header, end in zip(headers, ends, strict=True)
    }
    if len(found) != len(headers) or text.count("-- name:") != len(headers):
        raise ValueError(f"{source}: a '-- name:' line is repeated or malformed")
    return MappingProxyType(found)


class Executor:
    """Asks for the statements of one file on one connection; each method serves statements of its own kind."""

    def __init__(self, connection: AsyncConnection[Any], statements: Mapping[str, Statement]) -> None:
        if not isinstance(connection, StoreConnection):
            raise TypeError(f"a {type(connection).__name__} cannot be asked in messages")
        self._messages = connection.messages
        self._statements = statements

    def one(self, name: str, row: Callable[..., T], /, **parameters: object) -> Answer[T | None]:
        """The only row, given to `row` by column name, or None."""

        async def read(cursor: AsyncCursor[Any]) -> T | None:
            cursor.row_factory = kwargs_row(row)
            found: T | None = await cursor.fetchone()
            return found

        return self._ask(name, "one", read, parameters)

    def many(self, name: str, row: Callable[..., T], /, **parameters: object) -> Answer[list[T]]:
        """All rows of a `:many` statement."""
        return self._ask(name, "many", _rows(row), parameters)

    def page(self, name: str, row: Callable[..., T], /, **parameters: object) -> Answer[list[T]]:
        """All rows of a `:page` statement."""
        return self._ask(name, "page", _rows(row), parameters)

    def count(self, name: str, /, **parameters: object) -> Answer[int]:
        """Number of rows that an `:exec` statement touched."""
        return self._ask(name, "exec", _touched, parameters)

    def nothing(self, value: T) -> Answer[T]:
        """An answer for which nothing has to be asked."""
        answer: Answer[T] = Answer(self._messages)
        answer.settle(value)
        return answer

    def _ask(self, name: str, kind: Kind, read: Read[T], parameters: Mapping[str, object]) -> Answer[T]:
        statement = self._statements[name]
        if statement.kind != kind:
            raise ValueError(f"statement {name} is :{statement.kind}, used as :{kind}")
        return self._messages.ask(self._call(statement, parameters), read)

    def _call(self, statement: Statement, parameters: Mapping[str, object]) -> Call:
        literal = self._messages.literal
        texts = {name: literal(parameters[name]) for name in statement.parameters}
        if statement.prepared_name is None:
            return Call(statement.filled(texts))
        # A plan holds for the role that it was made for, and one that serves two roles is made anew at every change.
        prefix = b"tenant_" if self._messages.is_tenants else b"system_"
        arguments = b"(" + b", ".join(texts.values()) + b")" if texts else b""
        return Call(statement.numbered_sql, prefix + statement.prepared_name, arguments)


def _rows(row: Callable[..., T]) -> Read[list[T]]:
    async def read(cursor: AsyncCursor[Any]) -> list[T]:
        cursor.row_factory = kwargs_row(row)
        found: list[T] = await cursor.fetchall()
        return found

    return read


async def _touched(cursor: AsyncCursor[Any]) -> int:
    return cursor.rowcount
