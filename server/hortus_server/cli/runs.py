"""`hortus run`: submit, follow, list, pause, resume, stop."""

from typing import Annotated, Any

import typer

from hortus_server.cli import run_files, run_insight
from hortus_server.cli.client import ApiClient
from hortus_server.cli.live_view import LiveView
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import err, out, print_json, print_page, print_table

MessagePolicy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="While a run of the session has not ended: enqueue, reject, interrupt, or rollback. "
        "The session's own, if not given.",
    ),
]

app = typer.Typer(no_args_is_help=True, help="Runs: submit one, follow it, steer it, list, pause, resume, cancel.")


def follow_run(client: ApiClient, run: dict[str, Any], view: LiveView) -> None:
    """Show a run until it ends; called again with the same view, from where that is."""
    first = max(int(run["queued_seq"]) - 1, view.cursor)
    for frame in client.follow(run["session_id"], after=first):
        if view.show(frame, run_id=run["id"]):
            return


@app.command("start")
def start(
    agent: Annotated[str, typer.Argument(help="Agent by name or id.")],
    text: Annotated[str, typer.Argument(help="What to do.", metavar="TEXT")],
    session: Annotated[str | None, typer.Option(help="Go on in this session.")] = None,
    policy: MessagePolicy = None,
    batch: Annotated[bool, typer.Option("--batch", help="Give way to interactive runs.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Show it live until it ends.")] = True,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Submit a run and follow it live."""
    client = open_client(url, key)
    body = {"agent": agent, "input": text, **({"session_id": session} if session else {}), "message_policy": policy}
    run = client.post("/v1/runs", {**body, **({"priority": "batch"} if batch else {})})
    if not follow:
        print_json(run) if as_json else out.print(f"run {run['id']} in session {run['session_id']}")
        return
    view = LiveView(quiet=as_json)
    try:
        follow_run(client, run, view)
    except KeyboardInterrupt:
        client.post(f"/v1/runs/{run['id']}/cancel", {"reason": "interrupted at the terminal"})
        err.print("[yellow]asked the server to cancel the run[/]")
        raise typer.Exit(130) from None
    if as_json:
        print_json({"run": client.get(f"/v1/runs/{run['id']}"), "answer": view.answer})
    else:
        out.print(f"[dim]session {run['session_id']}; go on with: hortus run start {agent} TEXT --session …[/]")
    if view.outcome is None or view.outcome["status"] != "succeeded":
        raise typer.Exit(1)


@app.command("list")
def list_runs(
    status: Annotated[str | None, typer.Option(help="Only these: queued, running, failed …")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/runs", status=status, session_id=session, limit=limit)
    columns = ("id", "status", "session_id", "total_tokens", "created_at")
    print_page(page, columns, empty="No runs yet; start one with `hortus run start AGENT TEXT`.", as_json=as_json)


@app.command("show")
def show(run_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """One run with its steps."""
    client = open_client(url, key)
    run, steps = client.get(f"/v1/runs/{run_id}"), client.get(f"/v1/runs/{run_id}/steps")
    if as_json:
        print_json({"run": run, "steps": steps["items"]})
        return
    print_table(tuple(run), [run], empty="")
    columns = ("step", "model_calls", "tool_calls", "prompt_tokens", "completion_tokens", "finished_at")
    print_table(columns, steps["items"], empty="No step has finished yet.")


@app.command("follow")
def follow(run_id: str, url: Url = None, key: Key = None) -> None:
    """Show a run live, from its beginning."""
    client = open_client(url, key)
    follow_run(client, client.get(f"/v1/runs/{run_id}"), LiveView())


@app.command("cancel")
def cancel(
    run_id: str,
    reason: Annotated[str, typer.Option(help="Kept with the run.")] = "cancelled from the command line",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Stop a run; a model call under way is aborted."""
    run = open_client(url, key).post(f"/v1/runs/{run_id}/cancel", {"reason": reason})
    print_json(run) if as_json else out.print(f"run {run['id']}: {run['status']}, stop requested")


@app.command("steer")
def steer(
    run_id: str,
    text: Annotated[str, typer.Argument(help="What the run is told.", metavar="TEXT")],
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Tell a run something while it works; it sees it at its next step."""
    said = open_client(url, key).post(f"/v1/runs/{run_id}/steer", {"content": text})
    print_json(said) if as_json else out.print(f"run {run_id}: told, event {said['seq']} of its session")


@app.command("pause")
def pause(
    run_id: str,
    reason: Annotated[str, typer.Option(help="Kept with the run.")] = "paused from the command line",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Park a run: a model call under way is aborted, its text kept."""
    run = open_client(url, key).post(f"/v1/runs/{run_id}/pause", {"reason": reason})
    print_json(run) if as_json else out.print(f"run {run['id']}: {run['status']}, pause requested")


@app.command("resume")
def resume(
    run_id: str,
    reason: Annotated[str, typer.Option(help="Kept with the run.")] = "resumed from the command line",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Let a paused or frozen run go on where it stopped."""
    run = open_client(url, key).post(f"/v1/runs/{run_id}/resume", {"reason": reason})
    print_json(run) if as_json else out.print(f"run {run['id']}: {run['status']}")


for insight in (run_insight.trace, run_files.files, run_insight.stuck, run_insight.requeue):
    app.command()(insight)
