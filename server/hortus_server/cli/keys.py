"""`hortus key`: credentials of applications."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, get_args

import typer

from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.cli.bootstrap import make_key
from hortus_server.cli.client import CommandError
from hortus_server.cli.direct import find_database
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page
from hortus_server.domain.keys import Scope

app = typer.Typer(no_args_is_help=True, help="API keys.")
SCOPES: tuple[Scope, ...] = get_args(Scope)


@app.command("create")
def create(
    name: Annotated[str, typer.Option(help="Who will use it.")],
    scope: Annotated[list[str] | None, typer.Option(help="Once per scope; `admin` covers all.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Expires after so many days.")] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Write to the database instead of asking a server: the first key.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Make a key; it is shown once."""
    scopes = _checked(scope or [name for name in SCOPES if name != "admin"])
    if direct:
        secret = asyncio.run(_create_directly(name, scopes))
        print_json({"name": name, "scopes": scopes, "secret": secret}) if as_json else out.print(secret)
        return
    expires_at = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
    body = {"name": name, "scopes": scopes, **({"expires_at": expires_at} if expires_at else {})}
    made = open_client(url, key).post("/v1/admin/keys", body)
    print_json(made) if as_json else out.print(f"{made['secret']}\n[dim]shown once; keep it safe[/]")


async def _create_directly(name: str, scopes: tuple[Scope, ...]) -> str:
    store = await PostgresStore.open(await find_database(), application_name="hortus-key")
    try:
        return await make_key(store, name=name, scopes=scopes)
    finally:
        await store.close()


def _checked(names: list[str]) -> tuple[Scope, ...]:
    if unknown := set(names) - set(SCOPES):
        raise CommandError(f"no such scope: {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in names)


@app.command("list")
def list_keys(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """All keys, by prefix."""
    page = open_client(url, key).get("/v1/admin/keys")
    columns = ("id", "prefix", "name", "scopes", "made_by", "last_used_at", "expires_at", "revoked_at")
    print_page(page, columns, empty="No keys.", as_json=as_json)


@app.command("rotate")
def rotate(
    key_id: str,
    grace_s: Annotated[
        int, typer.Option("--grace", min=0, max=30 * 86_400, help="Seconds that the old secret still works.")
    ] = 86_400,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Give a key another secret, shown once; everything else about it stays."""
    made = open_client(url, key).post(f"/v1/admin/keys/{key_id}/rotate", {"grace_s": grace_s})
    print_json(made) if as_json else out.print(f"{made['secret']}\n[dim]shown once; keep it safe[/]")


@app.command("revoke")
def revoke(key_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Make a key useless, at once."""
    revoked = open_client(url, key).call("DELETE", f"/v1/admin/keys/{key_id}")
    print_json(revoked) if as_json else out.print(f"key {key_id} is revoked")
