"""SQL beside its adapter: `-- name: claim_run :one`, a line that says what for, then the statement.

Kinds: `:one` gives a row or None, `:many` all rows, `:exec` the number of rows. `:page` is `:many` that is planned
anew for its parameters, because its optional filters would mislead a plan that is made once for all of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from psycopg import AsyncClientCursor, AsyncConnection
from psycopg.rows import kwargs_row

Kind = Literal["one", "many", "exec", "page"]
T = TypeVar("T")

_HEADER = re.compile(r"^-- name: (?P<name>[a-z_]+) :(?P<kind>one|many|exec|page)\n-- (?P<purpose>.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One named statement; `sql` uses psycopg's `%(name)s` placeholders."""

    name: str
    kind: Kind
    purpose: str
    sql: bytes

    @cached_property
    def tenant_sql(self) -> bytes:
        """The same for a tenant's transaction: another text is another prepared statement with a plan of its own.

        A plan holds for the role that it was made for, and one that serves two roles is made anew at every change.
        """
        return b"/* tenant */ " + self.sql


class StoreConnection(AsyncConnection[Any]):
    """A connection that knows whether the transaction under way is a tenant's."""

    is_tenants: bool = False


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
            header["name"], cast("Kind", header["kind"]), header["purpose"], text[header.end() : end].strip().encode()
        )
        for header, end in zip(headers, ends, strict=True)
    }
    if len(found) != len(headers) or text.count("-- name:") != len(headers):
        raise ValueError(f"{source}: a '-- name:' line is repeated or malformed")
    return MappingProxyType(found)


class Executor:
    """Runs the statements of one file on one connection; each method serves statements of its own kind."""

    def __init__(self, connection: AsyncConnection[Any], statements: Mapping[str, Statement]) -> None:
        self._connection = connection
        self._statements = statements

    async def one(self, name: str, row: Callable[..., T], /, **parameters: object) -> T | None:
        """The only row, given to `row` by column name, or None."""
        async with self._connection.cursor(row_factory=kwargs_row(row)) as cursor:
            await cursor.execute(self._sql(name, "one"), parameters)
            return await cursor.fetchone()

    async def many(self, name: str, row: Callable[..., T], /, **parameters: object) -> list[T]:
        """All rows of a `:many` statement."""
        async with self._connection.cursor(row_factory=kwargs_row(row)) as cursor:
            await cursor.execute(self._sql(name, "many"), parameters)
            return await cursor.fetchall()

    async def page(self, name: str, row: Callable[..., T], /, **parameters: object) -> list[T]:
        """All rows of a `:page` statement."""
        # This cursor writes the parameters into the statement, as literals that the planner sees.
        async with AsyncClientCursor(self._connection, row_factory=kwargs_row(row)) as cursor:
            await cursor.execute(self._sql(name, "page"), parameters)
            return await cursor.fetchall()

    async def count(self, name: str, /, **parameters: object) -> int:
        """Number of rows that an `:exec` statement touched."""
        async with self._connection.cursor() as cursor:
            await cursor.execute(self._sql(name, "exec"), parameters)
            return cursor.rowcount

    def _sql(self, name: str, kind: Kind) -> bytes:
        statement = self._statements[name]
        if statement.kind != kind:
            raise ValueError(f"statement {name} is :{statement.kind}, used as :{kind}")
        is_tenants = isinstance(self._connection, StoreConnection) and self._connection.is_tenants
        return statement.tenant_sql if is_tenants else statement.sql
