"""`hortus tenant`: organisations and projects, for those who run the installation."""

from typing import Annotated

import typer

from hortus_server.cli.client import ApiClient, CommandError, Json
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page

app = typer.Typer(no_args_is_help=True, help="Tenants: organisations and projects, kept apart from each other.")
Which = Annotated[str, typer.Argument(help="Name, or id.")]


@app.command("create")
def create(
    name: str,
    owner: Annotated[str | None, typer.Option(help="Email of its first owner, who gets a one-time link.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Make a tenant."""
    made = open_client(url, key).post("/v1/admin/tenants", {"name": name, "owner": owner})
    if as_json:
        print_json(made)
        return
    out.print(f"tenant {made['name']} ({made['id']})")
    if made["link"]:
        out.print(made["link"], soft_wrap=True)
        out.print(f"[dim]for {owner}, once, within a week; shown only now[/]")


@app.command("list")
def list_tenants(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """All tenants, by name."""
    page = open_client(url, key).get("/v1/admin/tenants")
    columns = ("name", "members", "keys", "operates", "disabled_at", "created_at", "id")
    print_page(page, columns, empty="No tenants.", as_json=as_json)


@app.command("rename")
def rename(tenant: Which, name: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Give a tenant another name."""
    _change(open_client(url, key), tenant, {"name": name}, f"is {name} now", as_json=as_json)


@app.command("disable")
def disable(tenant: Which, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Let nobody in, neither by login nor by key, and pause the tenant's runs."""
    _change(open_client(url, key), tenant, {"disabled": True}, "is disabled", as_json=as_json)


@app.command("enable")
def enable(tenant: Which, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Open a tenant again; its runs go on."""
    _change(open_client(url, key), tenant, {"disabled": False}, "is open again", as_json=as_json)


def _change(client: ApiClient, tenant: str, change: Json, said: str, *, as_json: bool) -> None:
    every: list[Json] = client.get("/v1/admin/tenants")["items"]
    found = next((one for one in every if tenant in {one["name"], one["id"]}), None)
    if found is None:
        raise CommandError(f"no tenant {tenant}; see `hortus tenant list`")
    changed = client.call("PATCH", f"/v1/admin/tenants/{found['id']}", body=change)
    print_json(changed) if as_json else out.print(f"tenant {tenant} {said}")
