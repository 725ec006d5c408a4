"""Options that commands share."""

from typing import Annotated

import typer

from hortus_server.cli.client import ApiClient, find_server

Url = Annotated[
    str | None, typer.Option("--url", envvar="HORTUS_URL", help="The server; default: the one started here.")
]
Key = Annotated[
    str | None, typer.Option("--key", envvar="HORTUS_API_KEY", help="API key; default: the admin key kept here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_client(url: str | None, key: str | None) -> ApiClient:
    """The client that the shared options mean."""
    return ApiClient(*find_server(url, key))
