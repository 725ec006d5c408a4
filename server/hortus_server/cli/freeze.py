"""`hortus freeze` and `unfreeze`: the big switch."""

from typing import Annotated

import typer

from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json


def freeze(
    reason: Annotated[str, typer.Option(help="Kept in the record.")] = "frozen from the command line",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Freeze every side effect: no run starts, running ones park before their next effect."""
    answer = open_client(url, key).post("/v1/admin/freeze", {"reason": reason})
    print_json(answer) if as_json else out.print(f"frozen: {answer['order']['reason']}")


def unfreeze(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Lift the freeze. Queued runs start; what was parked goes on by `hortus run resume`, one by one."""
    answer = open_client(url, key).call("DELETE", "/v1/admin/freeze")
    print_json(answer) if as_json else out.print("no longer frozen; parked runs: hortus run list --status waiting")
