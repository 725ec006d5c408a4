"""`hortus run files`: what a run's code has left, and its bytes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from hortus_server.cli.client import ApiClient, CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", re.ASCII)


def files(
    run_id: str,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FOLDER", help="Save them there; none is overwritten.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Files that a run's code made, and whole results of tools that the model saw cut."""
    client = open_client(url, key)
    found = list(_listed(client, run_id))
    saved = [] if save is None else [_save(client, run_id, file, save) for file in found]
    if as_json:
        print_json(found)
    elif save is None:
        columns = ("seq", "tool", "kind", "name", "size", "sha256")
        print_table(columns, found, empty="The run has left no files.")
    else:
        for path in saved:
            out.print(escape(str(path)), soft_wrap=True)


def _listed(client: ApiClient, run_id: str) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        part = client.get(f"/v1/runs/{run_id}/files", after=after)
        yield from part["items"]
        after = part["next_after"]


def _save(client: ApiClient, run_id: str, file: dict[str, Any], folder: Path) -> Path:
    name, seq = str(file["name"]), int(file["seq"])
    if not PLAIN.fullmatch(name):
        raise CommandError(f"the server names a file {name!r}, which is no plain name")
    path = folder / f"{seq}-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            target.writelines(client.parts(f"/v1/runs/{run_id}/files/{seq}/{name}"))
    except FileExistsError as error:
        raise CommandError(f"{path} is there already; give another folder, or remove it") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error}") from error
    return path
