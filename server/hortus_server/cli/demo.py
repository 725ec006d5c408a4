"""`hortus demo`: the main job, live, against the running server and its real model."""

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.markup import escape

from hortus_server.cli.client import ApiClient, CommandError
from hortus_server.cli.live_view import LiveView
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json

MEMORY_WAIT_S = 60.0
POLL_S = 0.5
FIRST_TASK = "Which Roman numeral is 1994? Use a tool that converts a whole number to its Roman numeral."
SECOND_TASK = "Which Roman numeral is 2026? Use a tool that converts a whole number to its Roman numeral."
INSTRUCTIONS = (
    "You answer with the help of tools. If no tool fits the task, request one with request_capability, "
    "then call it, then answer with its result."
)
AGENTS = {
    "demo-gardener": "Writes itself the tools that it lacks.",
    "demo-botanist": "Another agent of the same tenant; it never met the gardener.",
}


@dataclass(slots=True)
class Act:
    """One of the two sessions, as it went."""

    agent: str
    task: str
    session_id: str = ""
    run_id: str = ""
    worker_id: str = ""
    status: str = ""
    answer: str = ""
    seconds: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Payloads of this type of event, in order."""
        return [event["payload"] for event in self.events if event["type"] == kind]

    @property
    def synthesis_calls(self) -> int:
        """Model calls that went into writing a tool."""
        return sum(call["purpose"].startswith("capability.") for call in self.of("model.called"))

    @property
    def evolved_calls(self) -> int:
        """Calls of tools that agents wrote."""
        return sum(call["tool_version_id"] is not None for call in self.of("tool.called"))


def demo(
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
    task: Annotated[str, typer.Option(help="Task of the first session.")] = FIRST_TASK,
    related: Annotated[str, typer.Option(help="Related task of the second session.")] = SECOND_TASK,
) -> None:
    """Two agents, two sessions, two workers: the first writes a tool, the second remembers and reuses it."""
    client = open_client(url, key)
    for name, description in AGENTS.items():
        _ensure_agent(client, name, description)
    gardener, botanist = AGENTS
    first = _perform(client, Act(gardener, task), quiet=as_json, title="1. The gardener meets a task")
    _await_memory(client, first)
    drained = _drain(client, first.worker_id)
    try:
        second = _perform(client, Act(botanist, related), quiet=as_json, title="2. The botanist meets a related one")
    finally:
        if drained:
            client.post(f"/v1/admin/workers/{first.worker_id}/resume")
    findings = _findings(first, second)
    if as_json:
        print_json({"findings": findings, "sessions": [first.session_id, second.session_id]})
    else:
        _tell(client, findings, first, second)
    if not all(finding["held"] for finding in findings):
        raise typer.Exit(1)


def _ensure_agent(client: ApiClient, name: str, description: str) -> None:
    try:
        client.get(f"/v1/agents/{name}")
    except CommandError:
        spec = {"instructions": INSTRUCTIONS, "tools": ["request_capability"], "limits": {"steps": 8}}
        client.post("/v1/agents", {"name": name, "description": description, "spec": spec})


def _perform(client: ApiClient, act: Act, *, quiet: bool, title: str) -> Act:
    if not quiet:
        out.rule(f"[bold]{title}", align="left")
        out.print(f"[bold green]task[/]: {escape(act.task)}")
    run = client.post("/v1/runs", {"agent": act.agent, "input": act.task})
    act.session_id, act.run_id = str(run["session_id"]), str(run["id"])
    view, started = LiveView(quiet=quiet), time.monotonic()
    for frame in client.follow(act.session_id, after=0):
        if frame["type"] == "event":
            act.events.append(frame["event"])
        if view.show(frame, run_id=act.run_id):
            break
    act.seconds = time.monotonic() - started
    act.status = str(view.outcome["status"]) if view.outcome else "unknown"
    act.answer = view.answer
    act.worker_id = str(act.of("run.started")[-1]["worker_id"])
    return act


def _await_memory(client: ApiClient, act: Act) -> None:
    """The episode is written after the run, off its path; the second session should find it."""
    deadline = time.monotonic() + MEMORY_WAIT_S
    while time.monotonic() < deadline:
        after = act.events[-1]["seq"]
        act.events += client.get(f"/v1/sessions/{act.session_id}/events", after=after)["items"]
        if act.of("memory.written"):
            return
        time.sleep(POLL_S)


def _drain(client: ApiClient, worker_id: str) -> bool:
    """Let another worker take the second session, if there is another."""
    workers = client.get("/v1/admin/workers")["items"]
    if not any(worker["id"] != worker_id and worker["state"] == "running" for worker in workers):
        return False
    client.post(f"/v1/admin/workers/{worker_id}/drain")
    return True


def _findings(first: Act, second: Act) -> list[dict[str, Any]]:
    """What the event logs say, not what the answers say."""
    made, reused = first.of("capability.activated"), second.of("capability.reused")
    kept = first.of("capability.reused")
    recalled = {item["session_id"] for recall in second.of("memory.recalled") for item in recall["items"]}
    versions = {tool["tool_version_id"] for tool in (*made, *kept)}
    used = {call["tool_version_id"] for call in second.of("tool.called")}
    return [
        {"what": "the first run ended well", "held": first.status == "succeeded"},
        {"what": "it had a tool: written and tested now, or kept from an earlier demo", "held": bool(versions)},
        {"what": "it used the tool", "held": first.evolved_calls > 0},
        {"what": "its episode was stored", "held": bool(first.of("memory.written"))},
        {"what": "another worker took the second run", "held": second.worker_id != first.worker_id},
        {"what": "the second run recalled the first session", "held": first.session_id in recalled},
        {
            "what": "it was given the same tool from the library",
            "held": bool(versions & {tool["tool_version_id"] for tool in reused}),
        },
        {"what": "it used the tool without writing one", "held": bool(used & versions) and not second.synthesis_calls},
        {"what": "the second run ended well", "held": second.status == "succeeded"},
    ]


def _tell(client: ApiClient, findings: list[dict[str, Any]], first: Act, second: Act) -> None:
    out.rule("[bold]What the event logs say", align="left")
    for finding in findings:
        mark = "[green]yes[/]" if finding["held"] else "[red]no [/]"
        out.print(f"  {mark} {finding['what']}")
    for act in (first, second):
        guards = [call["guard"] for call in act.of("model.called") if call["guard"]]
        tokens = sum(
            call["usage"]["prompt_tokens"] + call["usage"]["completion_tokens"] for call in act.of("model.called")
        )
        held = f"; fallbacks that held: {', '.join(guards)}" if guards else ""
        out.print(
            f"[dim]  {act.agent}: {act.seconds:.0f} s, {tokens} tokens, "
            f"{act.synthesis_calls} calls for writing tools{held}[/]"
        )
    out.print(
        f"\nsee it in the browser: [bold]{client.url}/sessions/{first.session_id}[/]\n"
        f"talk to one of them: [bold]hortus chat {first.agent}[/]",
        soft_wrap=True,
    )
