"""`hortus agent`: define agents and their versions."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page

app = typer.Typer(no_args_is_help=True, help="Agents and their versions.")

SpecFile = Annotated[
    Path | None, typer.Option("--spec", help="JSON file with the whole definition (see docs/agent-definition.md).")
]
Instructions = Annotated[str | None, typer.Option(help="Its system text.")]


def _read_spec(spec: Path | None, instructions: str | None) -> dict[str, Any]:
    definition: dict[str, Any] = {}
    if spec is not None:
        try:
            definition = json.loads(spec.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{spec}: {error}") from error
    if instructions is not None:
        definition["instructions"] = instructions
    return definition


@app.command("create")
def create(
    name: str,
    instructions: Instructions = None,
    spec: SpecFile = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Define an agent."""
    body = {"name": name, "description": description, "spec": _read_spec(spec, instructions)}
    agent = open_client(url, key).post("/v1/agents", body)
    print_json(agent) if as_json else out.print(f"agent {name} is defined; talk to it with: hortus chat {name}")


@app.command("update")
def update(
    name: str,
    instructions: Instructions = None,
    spec: SpecFile = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add a version and make it current; what the file does not name stays as it was."""
    client = open_client(url, key)
    agent = client.get(f"/v1/agents/{name}")
    current = client.get(f"/v1/agents/{agent['id']}/versions/{agent['current_version']}")
    body = {"spec": {**current["spec"], **_read_spec(spec, instructions)}}
    version = client.post(f"/v1/agents/{agent['id']}/versions", body)
    print_json(version) if as_json else out.print(f"agent {name} is at version {version['version']}")


@app.command("list")
def list_agents(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/agents", limit=limit)
    columns = ("name", "current_version", "description", "updated_at", "id")
    print_page(page, columns, empty="No agents yet; define one with `hortus agent create NAME`.", as_json=as_json)


@app.command("show")
def show(name: str, url: Url = None, key: Key = None) -> None:
    """The current definition, as JSON."""
    client = open_client(url, key)
    agent = client.get(f"/v1/agents/{name}")
    print_json({**agent, "version": client.get(f"/v1/agents/{agent['id']}/versions/{agent['current_version']}")})


@app.command("pin")
def pin(name: str, version: int, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Make an existing version current again (roll back or forward)."""
    client = open_client(url, key)
    agent = client.get(f"/v1/agents/{name}")
    pinned = client.post(f"/v1/agents/{agent['id']}/pin", {"version": version})
    print_json(pinned) if as_json else out.print(f"agent {name} is at version {pinned['current_version']}")
