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
COLUMNS = ("name", "hosts", "version", "used_by", "agent_id", "description", "updated_at")

Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host", help="Where it may be sent: `name`, `name:port`, or `*` for any; may be repeated. Left out: as it is."
    ),
]
Description = Annotated[str | None, typer.Option(help="What it is for; left out: as it is.")]
Agent = Annotated[str | None, typer.Option(help="Id or name: only this agent may use it; left out: as it is.")]
EveryAgent = Annotated[bool, typer.Option("--every-agent", help="Every agent that names it may use it.")]


@app.command("set")
def set_secret(
    name: str,
    host: Hosts = None,
    description: Description = None,
    agent: Agent = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Set a secret, or give it a new value, which is asked for or read from a pipe: never an argument.

    A new secret needs --host; a new value keeps what there is.
    """
    value = typer.prompt("value", hide_input=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    body = {"value": value, **_given(host, description, agent)}
    made = open_client(url, key).call("PUT", f"/v1/secrets/{name}", body=body)
    print_json(made) if as_json else out.print(f"secret {name}, version {made['version']}, goes to {_told(made)}")


@app.command("change")
def change_secret(
    name: str,
    host: Hosts = None,
    description: Description = None,
    agent: Agent = None,
    every_agent: EveryAgent = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Change where a secret may be sent and who may use it; its value stays. --host names all, not one more."""
    if every_agent and agent is not None:
        raise CommandError("--agent and --every-agent contradict each other")
    body = _given(host, description, agent) | ({"agent": None} if every_agent else {})
    if not body:
        raise CommandError("say what to change: --host, --description, --agent or --every-agent")
    made = open_client(url, key).call("PATCH", f"/v1/secrets/{name}", body=body)
    print_json(made) if as_json else out.print(f"secret {name} goes to {_told(made)}")


def _given(host: list[str] | None, description: str | None, agent: str | None) -> dict[str, Any]:
    given = {"hosts": host or None, "description": description, "agent": agent}
    return {name: value for name, value in given.items() if value is not None}


def _told(secret: dict[str, Any]) -> str:
    if secret["hosts"] == ["*"]:
        return "any host that a definition names"
    return ", ".join(secret["hosts"]) or "no host"


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
