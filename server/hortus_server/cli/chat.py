"""`hortus chat`: a conversation in the terminal."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.prompt import Prompt

from hortus_server.cli.client import ApiClient, CommandError
from hortus_server.cli.live_view import LiveView
from hortus_server.cli.options import Key, Url, open_client
from hortus_server.cli.render import out
from hortus_server.cli.runs import follow_run

HELP = (
    "[dim]/new starts another session, /session shows this one's id, /quit ends; "
    "Ctrl-C while it works: tell it something, or stop it[/]"
)


SPOKEN = frozenset({"message.created", "message.completed", "run.cancelled", "run.rolled_back"})


def chat(
    agent: Annotated[str, typer.Argument(help="Agent by name or id.")],
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Talk to an agent: streams its answers, shows its tool calls, resumes a session."""
    client = open_client(url, key)
    found = client.get(f"/v1/agents/{agent}")
    out.print(f"[bold]{escape(found['name'])}[/] [dim]{escape(found['description'])}[/]\n{HELP}")
    if session:
        _replay(client, session)
    while (text := _ask()) is not None:
        if text == "/new":
            session = None
            out.print("[dim]a new session starts with your next message[/]")
        elif text == "/session":
            out.print(session or "[dim]none yet[/]")
        elif text in {"/help", "/?"}:
            out.print(HELP)
        elif text:
            session = _turn(client, agent, text, session)
    if session:
        out.print(f"[dim]go on later with: hortus chat {escape(agent)} --session {session}[/]")


def _ask() -> str | None:
    try:
        text = Prompt.ask("\n[bold green]you[/]", console=out).strip()
    except (EOFError, KeyboardInterrupt):
        return None
    return None if text in {"/quit", "/exit"} else text


def _turn(client: ApiClient, agent: str, text: str, session: str | None) -> str:
    run = client.post("/v1/runs", {"agent": agent, "input": text, **({"session_id": session} if session else {})})
    view = LiveView()
    while view.outcome is None:
        try:
            follow_run(client, run, view)
        except KeyboardInterrupt:
            _interrupted(client, run)
    return str(run["session_id"])


def _interrupted(client: ApiClient, run: dict[str, Any]) -> None:
    """The run works on while its user thinks of something to tell it."""
    try:
        prompt = "\n[bold green]tell it[/] [dim](nothing stops it)[/]"
        told = Prompt.ask(prompt, console=out, default="", show_default=False).strip()
    except (EOFError, KeyboardInterrupt):
        told = ""
    try:
        if told:
            client.post(f"/v1/runs/{run['id']}/steer", {"content": told})
        else:
            client.post(f"/v1/runs/{run['id']}/cancel", {"reason": "interrupted in the chat"})
    except CommandError as error:
        out.print(f"[yellow]{escape(str(error))}[/]")  # it ended meanwhile: its end follows


def _replay(client: ApiClient, session: str) -> None:
    """Show the conversation so far, less what was taken back."""
    after = 0
    log: list[dict[str, Any]] = []
    while page := client.get(f"/v1/sessions/{session}/events", after=after, limit=200)["items"]:
        log += [event for event in page if event["type"] in SPOKEN]
        after = page[-1]["seq"]
    undone = {event["run_id"] for event in log if event["type"] == "run.rolled_back"}
    for event in log:
        if event["run_id"] not in undone:
            if event["type"] == "message.created":
                out.print(f"\n[bold green]you[/]: {escape(event['payload']['content'])}")
            elif event["type"] == "message.completed":
                out.print(escape(event["payload"]["content"]))
            elif event["payload"].get("partial_output"):
                out.print(f"{escape(event['payload']['partial_output'])} [dim](stopped)[/]")
