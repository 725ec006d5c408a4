"""`hortus admission`: a tenant's share of the workers and its limits."""

from typing import Annotated, Any

import typer

from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="The tenant's share of the workers, and its limits.")
COLUMNS = ("weight", "max_concurrent_runs", "max_queued_runs", "running", "queued")


@app.command("show")
def show(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Weight, limits, and how many runs run and wait."""
    _print(open_client(url, key).get("/v1/admin/admission"), as_json=as_json)


@app.command("set")
def set_admission(
    weight: Annotated[int | None, typer.Option(min=1, max=1000, help="Share where tenants compete.")] = None,
    max_concurrent_runs: Annotated[int | None, typer.Option(min=0, help="Runs under way; 0: no limit.")] = None,
    max_queued_runs: Annotated[int | None, typer.Option(min=0, help="Queued runs; 0: the server's limit.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Change what is given; the rest stays."""
    client = open_client(url, key)
    now = client.get("/v1/admin/admission")
    body = {
        "weight": now["weight"] if weight is None else weight,
        "max_concurrent_runs": now["max_concurrent_runs"]
        if max_concurrent_runs is None
        else max_concurrent_runs or None,
        "max_queued_runs": now["max_queued_runs"] if max_queued_runs is None else max_queued_runs or None,
    }
    _print(client.call("PUT", "/v1/admin/admission", body=body), as_json=as_json)


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    print_json(answer) if as_json else print_table(COLUMNS, [answer], empty="")
