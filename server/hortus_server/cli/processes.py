"""`hortus migrate`, the model servers, and their weights."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hortus_agents.models.scripted import load_script, run_scripted_model
from hortus_server.adapters.embedded.console import JsonDisplay, TerminalDisplay
from hortus_server.adapters.embedded.home import HortusHome, write_private
from hortus_server.adapters.embedded.model_server import EmbeddedModelServer
from hortus_server.adapters.embedded.plan import EmbeddedOptions, weight_sources
from hortus_server.adapters.embedded.weights.catalogue import DEFAULT_CHAT_MODEL, find_model
from hortus_server.adapters.embedded.weights.store import WeightsStore
from hortus_server.adapters.postgres.migrations import Phase
from hortus_server.adapters.postgres.migrations import migrate as apply_migrations
from hortus_server.cli.direct import find_database
from hortus_server.cli.options import AsJson
from hortus_server.cli.render import err, out, print_json
from hortus_server.cli.serving import replace_process

weights_app = typer.Typer(no_args_is_help=True, help="Model files for machines without a model hub.")


def migrate(
    phase: Annotated[
        Phase | None, typer.Option(help="pre: only what suits the old code too, for rolling upgrades.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to date; safe to repeat and to run at the same time."""
    applied = asyncio.run(_migrate(phase))
    if as_json:
        print_json({"applied": list(applied)})
    else:
        out.print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")


async def _migrate(phase: Phase | None) -> tuple[str, ...]:
    return await apply_migrations(await find_database(), phase=phase)


def scripted_model(
    script: Annotated[Path, typer.Argument(help="YAML or JSON script; see docs/guides/scripted-model.md.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8099,
) -> None:
    """Serve an OpenAI-compatible model that answers from a script: for tests, demonstrations, load."""
    load_script(script)
    run_scripted_model(script, host=host, port=port, on_ready=lambda url: err.print(f"scripted model at {url}"))


def model_server(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    model: Annotated[str, typer.Option(envvar="HORTUS_EMBEDDED_MODEL", help="Which model.")] = DEFAULT_CHAT_MODEL,
    alias: Annotated[str | None, typer.Option(help="Name under which it is served.")] = None,
) -> None:
    """Serve the CPU model alone, as Docker Compose's profile `cpu` does; fetches its weights first.

    Clients need the key that HORTUS_MODEL_API_KEY names, else the one in `secrets/model_api_key` of HORTUS_HOME.
    """
    home = HortusHome.locate(os.environ)
    home.create()
    pinned = find_model(model)
    asyncio.run(_fetch(home, model, as_json=not sys.stdout.isatty()))
    server = EmbeddedModelServer(
        home=home,
        host=host,
        port=port,
        model_id=alias or model,
        weights=WeightsStore(home.models).path(pinned, pinned.file[0]),
        api_key_file=_given_key(home),
    )
    command = server.component().command
    assert command is not None  # noqa: S101  # a model server is a process
    os.environ.update(command.env)
    replace_process(command.argv)


def _given_key(home: HortusHome) -> Path | None:
    """A private file with the key of the environment, because a command line can be read by other users."""
    key = os.environ.get("HORTUS_MODEL_API_KEY")
    if not key:
        return None
    path = home.folder("secrets") / "given_model_api_key"
    write_private(path, key)
    return path


@weights_app.command("fetch")
def fetch(
    model: Annotated[str, typer.Argument(help="Name from the catalogue, such as qwen2.5-coder-0.5b or minilm-int8.")],
    as_json: AsJson = False,
) -> None:
    """Download a model's files and verify their digests; resumes where it was interrupted."""
    home = HortusHome.locate(os.environ)
    home.create()
    files = asyncio.run(_fetch(home, model, as_json=as_json or not sys.stdout.isatty()))
    if as_json:
        print_json({name: str(path) for name, path in files.items()})
    else:
        out.print("\n".join(str(path) for path in files.values()))


async def _fetch(home: HortusHome, model: str, *, as_json: bool) -> dict[str, Path]:
    options = EmbeddedOptions.from_environment(os.environ)
    store, sources = WeightsStore(home.models), weight_sources(options)
    if as_json:
        return await store.ensure(find_model(model), sources=sources, display=JsonDisplay(sys.stderr))
    with TerminalDisplay(err) as display:
        return await store.ensure(find_model(model), sources=sources, display=display)
