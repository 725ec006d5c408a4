"""The database that a command reaches without a server: the one that is named, or that of the `hortus up` that runs."""

import os

from pydantic import SecretStr

from hortus_server.adapters.embedded import postgres
from hortus_server.adapters.embedded.plan import EmbeddedOptions
from hortus_server.adapters.embedded.ports import LOOPBACK, PortBook
from hortus_server.adapters.embedded.postgres import EmbeddedPostgres
from hortus_server.adapters.embedded.probes import check_tcp
from hortus_server.cli.client import CommandError
from hortus_server.domain.errors import UnavailableError
from hortus_server.settings import DatabaseEnvironment, DatabaseSettings

VARIABLE = "HORTUS_DATABASE_URL"


async def find_database() -> DatabaseSettings:
    """HORTUS_DATABASE_URL, else what `hortus up` runs under this home.

    Raises:
        CommandError: Neither is there.
        ValidationError: The variable is no address.
    """
    if os.environ.get(VARIABLE):
        return DatabaseEnvironment().database
    options = EmbeddedOptions.from_environment(os.environ)
    port = PortBook(options.home.run / "ports.json").get(postgres.NAME)
    try:
        if port is not None:
            await check_tcp(LOOPBACK, port)
            return DatabaseSettings(url=SecretStr((await EmbeddedPostgres.at(options.home, port)).dsn))
    except UnavailableError:
        pass
    raise CommandError(
        f"there is no database: {VARIABLE} names none, and none runs from {options.home.root}; "
        "`hortus up --only postgres` starts that one alone"
    )
