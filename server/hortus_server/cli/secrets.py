"""`hortus secrets`: credentials of tools."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hortus_server.adapters.embedded.home import write_private
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.sealing import MAX_KEYS, KeyRing, new_key
from hortus_server.cli.client import CommandError
from hortus_server.cli.direct import find_database
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table
from hortus_server.cli.secrets_check import own_key_file
from hortus_server.security_settings import SecretsSettings
from hortus_server.services.rotate_secrets import RotateSecrets, Rotation
from hortus_server.settings import SecretsEnvironment

app = typer.Typer(no_args_is_help=True, help="Secrets: credentials that tools send and no model sees.")
COLUMNS = ("name", "version", "used_by", "agent_id", "description", "updated_at")


@app.command("set")
def set_secret(
    name: str,
    description: Annotated[str | None, typer.Option(help="What it is for; left out: as it is.")] = None,
    agent: Annotated[str | None, typer.Option(help="Id or name: only this agent may use it.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Set a secret, or give it a new value, which is asked for or read from a pipe: never an argument."""
    value = typer.prompt("value", hide_input=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    body: dict[str, Any] = {"value": value, "agent": agent}
    if description is not None:
        body["description"] = description
    made = open_client(url, key).call("PUT", f"/v1/secrets/{name}", body=body)
    print_json(made) if as_json else out.print(f"secret {name}, version {made['version']}")


@app.command("list")
def list_secrets(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Names and facts; never a value."""
    page = open_client(url, key).get("/v1/secrets", limit=200)
    print_json(page) if as_json else print_table(COLUMNS, page["items"], empty="No secrets.")


@app.command("delete")
def delete_secret(name: str, url: Url = None, key: Key = None) -> None:
    """Delete a secret: calls that need it are not made any more."""
    open_client(url, key).call("DELETE", f"/v1/secrets/{name}")
    out.print(f"secret {name} is deleted")


@app.command("new-key")
def new_key_command(
    file: Annotated[
        Path | None, typer.Argument(help="A key file: the new key goes before its others. Left out: it is printed.")
    ] = None,
) -> None:
    """Make a key that seals secrets."""
    if file is None:
        out.print(new_key())
        return
    kept = file.read_text(encoding="utf-8").split() if file.exists() else []
    if len(kept) >= MAX_KEYS:
        raise CommandError(f"{file} holds {len(kept)} keys; rotate, and take out those that nothing is under")
    write_private(file, "".join(f"{key}\n" for key in (new_key(), *kept)))
    out.print(f"{file} holds {len(kept) + 1} keys; `hortus secrets rotate` brings all secrets under the new one")


@app.command("rotate")
def rotate(as_json: AsJson = False) -> None:
    """Bring all secrets under the newest key; may be broken off and called again.

    It works on the database: HORTUS_DATABASE_URL, or what `hortus up` runs, with its own key file.
    """
    done = asyncio.run(_rotate(SecretsEnvironment().secrets))
    if as_json:
        print_json({"resealed": done.resealed, "broken": done.broken})
    else:
        out.print(f"{done.resealed} sealed anew, {done.broken} could not be opened")
    if done.broken:
        raise typer.Exit(1)


async def _rotate(settings: SecretsSettings) -> Rotation:
    file = settings.key_file or own_key_file(settings)
    ring = KeyRing.load(settings.key.get_secret_value() if settings.key else None, file)
    if ring is None:
        raise CommandError("there is no key: give HORTUS_SECRETS_KEY or HORTUS_SECRETS_KEY_FILE")
    store = await PostgresStore.open(await find_database(), application_name="hortus-secrets")
    try:
        return await RotateSecrets(store, ring)()
    finally:
        await store.close()
