"""`hortus schedule`: tasks that are submitted at due times."""

from typing import Annotated, Any

import typer

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page

app = typer.Typer(no_args_is_help=True, help="Tasks that are submitted at due times.")

Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


def _timing(cron: str | None, zone: str, every_s: int | None, at: str | None) -> dict[str, Any]:
    if [cron, every_s, at].count(None) != 2:  # noqa: PLR2004 - one of three
        raise CommandError("give one of --cron, --every and --at")
    if cron is not None:
        return {"kind": "cron", "expression": cron, "time_zone": zone}
    if every_s is not None:
        return {"kind": "interval", "every_s": every_s}
    return {"kind": "once", "at": at}


@app.command("create")
def create(
    name: str,
    agent: str,
    task: str,
    cron: Annotated[
        str | None, typer.Option(help="Minute, hour, day of month, month, day of week: '30 8 * * MON-FRI'.")
    ] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone that the cron expression is read in.")] = "UTC",
    every_s: Annotated[int | None, typer.Option("--every", min=1, help="Seconds from one to the next.")] = None,
    at: Annotated[str | None, typer.Option(help="One time, with its offset: 2027-01-01T08:00:00+01:00.")] = None,
    overlap: Annotated[
        str, typer.Option(help="If an earlier run has not ended: allow, skip, queue or cancel_running.")
    ] = "skip",
    catch_up: Annotated[str, typer.Option(help="Due times missed while no worker ran: skip, one or all.")] = "one",
    session: Annotated[str | None, typer.Option(help="One session for all runs; default: each gets its own.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Give an agent a task at due times."""
    body = {
        "name": name,
        "agent": agent,
        "input": task,
        "timing": _timing(cron, zone, every_s, at),
        "overlap": overlap,
        "catch_up": catch_up,
        "session_id": session,
    }
    made = open_client(url, key).post("/v1/schedules", body)
    print_json(made) if as_json else out.print(f"schedule {made['id']} is due next at {made['next_due_at']}")


@app.command("list")
def list_schedules(limit: Limit = 50, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/schedules", limit=limit)
    columns = ("name", "next_due_at", "paused_at", "overlap", "catch_up", "id")
    print_page(page, columns, empty="No schedules.", as_json=as_json)


@app.command("next")
def next_due(
    schedule_id: str,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 5,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Its next due times, in UTC."""
    due = open_client(url, key).get(f"/v1/schedules/{schedule_id}/next", count=count)
    print_json(due) if as_json else out.print("\n".join(due["items"]) or "No due time is left.")


@app.command("firings")
def firings(schedule_id: str, limit: Limit = 20, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """What became of its last due times."""
    page = open_client(url, key).get(f"/v1/schedules/{schedule_id}/firings", limit=limit)
    print_page(page, ("due_at", "outcome", "run_id", "reason"), empty="It has not been due yet.", as_json=as_json)


@app.command("pause")
def pause(schedule_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Fire no more until it is resumed."""
    paused = open_client(url, key).post(f"/v1/schedules/{schedule_id}/pause")
    print_json(paused) if as_json else out.print(f"schedule {paused['name']} is paused")


@app.command("resume")
def resume(schedule_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Fire again from the next due time on."""
    resumed = open_client(url, key).post(f"/v1/schedules/{schedule_id}/resume")
    print_json(resumed) if as_json else out.print(f"schedule {resumed['name']} is due next at {resumed['next_due_at']}")


@app.command("delete")
def delete(schedule_id: str, url: Url = None, key: Key = None) -> None:
    """Delete it; runs that it submitted stay."""
    open_client(url, key).call("DELETE", f"/v1/schedules/{schedule_id}")
    out.print(f"schedule {schedule_id} is deleted")
