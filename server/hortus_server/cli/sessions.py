"""`hortus session`: conversations."""

from typing import Annotated

import typer

from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page

app = typer.Typer(no_args_is_help=True, help="Sessions: list them, go on from an earlier place of one.")


@app.command("list")
def list_sessions(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/sessions", limit=limit)
    columns = ("id", "title", "last_seq", "forked_from_session_id", "updated_at")
    print_page(page, columns, empty="No sessions yet; start one with `hortus chat`.", as_json=as_json)


@app.command("fork")
def fork(
    session_id: str,
    at: Annotated[int | None, typer.Option(min=1, help="Number of the last event that counts; default: all.")] = None,
    title: Annotated[str | None, typer.Option(help="Default: the origin's.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Go on from an event of a session in a new one."""
    session = open_client(url, key).post(f"/v1/sessions/{session_id}/fork", {"at_seq": at, "title": title})
    if as_json:
        print_json(session)
    else:
        place = session["forked_from_seq"]
        out.print(f"session {session['id']}, from event {place} of {session['forked_from_session_id']}")
