"""A run as it happens, on a terminal: the answer as it is written, and between the lines what the agent does."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.markup import escape

from hortus_server.cli.render import harmless, one_line, out

Payload = Mapping[str, Any]
TERMINAL = {"run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"}

GUARDS = {
    "duplicate_call": "the model repeated a call; it was not executed again and the model had to answer",
    "forced_answer": "only an answer was allowed: a call was repeated, or a limit is near",
    "forced_use": "the model was made to use the tool that it had just asked for",
    "truncated_answer": "the answer was cut off at its length limit",
    "raw_answer": "the model's reply had no valid form twice; its text was taken as it is",
    "repaired": "the model's output was not valid; one repair request mended it",
}


class LiveView:
    """Prints the frames of one session; ends with the run that it is told to wait for."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._shown: dict[str, int] = {}
        self._in_text = False
        self.outcome: Payload | None = None
        self.answer = ""
        self.cursor = 0

    def show(self, frame: Mapping[str, Any], *, run_id: str | None = None) -> bool:
        """Print one frame; True when it ended `run_id` (or any run)."""
        kind = frame["type"]
        if kind == "delta":
            self._text(str(frame["message_id"]), int(frame["index"]), str(frame["text"]))
        elif kind == "snapshot":
            self._text(str(frame["message_id"]), 0, str(frame["text"]))
        elif kind == "gap":
            self._note("yellow", f"events {frame['from']} to {frame['to']} are gone: {frame.get('reason', '')}")
        elif kind == "event":
            return self._event(frame["event"], run_id)
        return False

    def _text(self, message_id: str, index: int, text: str) -> None:
        """Write what of `text` was not shown yet; offsets make repeats harmless."""
        shown = self._shown.get(message_id, 0)
        fresh = text[max(0, shown - index) :]
        if not fresh or index > shown:
            return
        if not self._quiet:
            if not self._in_text:
                sys.stdout.write("\n")
            sys.stdout.write(harmless(fresh))
            sys.stdout.flush()
            self._in_text = True
        self._shown[message_id] = shown + len(fresh)

    def _event(self, event: Mapping[str, Any], run_id: str | None) -> bool:
        kind, payload = str(event["type"]), event["payload"]
        self.cursor = int(event["seq"])
        if kind == "message.completed":
            self.answer = str(payload["content"])
            self._text(str(payload["message_id"]), 0, self.answer)
            self._break()  # a run that was told something goes on with another message
        elif kind == "message.restarted":
            self._shown.pop(str(payload["message_id"]), None)
            self._note("yellow", f"answer restarted: {payload['reason']}")
        elif line := NOTES.get(kind):
            style, text = line(payload)
            if text:
                self._note(style, text)
        if kind in TERMINAL and run_id in {None, event["run_id"]}:
            self.outcome = {"status": kind.removeprefix("run."), **payload}
            self._break()
            return True
        return False

    def _break(self) -> None:
        if self._in_text:
            sys.stdout.write("\n")
            self._in_text = False

    def _note(self, style: str, text: str) -> None:
        if self._quiet:
            return
        self._break()
        out.print(f"  [{style}]{text}[/]")


def _waiting(payload: Payload) -> tuple[str, str]:
    reason = payload["reason"]
    return "yellow", f"waits ({escape(str(reason['kind']))}): {one_line(str(reason['detail']))}"


def _model_called(payload: Payload) -> tuple[str, str]:
    guard = payload.get("guard")
    return ("yellow", f"fallback held: {escape(GUARDS.get(str(guard), str(guard)))}") if guard else ("dim", "")


def _tool_called(payload: Payload) -> tuple[str, str]:
    arguments = ", ".join(f"{name}={value!r}" for name, value in payload["arguments"].items())
    return "cyan", f"→ {escape(str(payload['name']))}({one_line(arguments, 90)})"


def _tool_finished(payload: Payload) -> tuple[str, str]:
    style = "dim" if payload["outcome"] == "ok" else "yellow"
    outcome = "" if payload["outcome"] == "ok" else f"{payload['outcome']}: "
    return style, f"← {outcome}{one_line(str(payload['content']))} [dim]({payload['duration_ms']:.0f} ms)[/]"


def _recalled(payload: Payload) -> tuple[str, str]:
    if payload.get("unavailable"):
        return "yellow", "memory is out of reach; going on without it"
    if not payload["items"]:
        return "dim", "memory: nothing fits"
    titles = "; ".join(one_line(str(item["title"]), 70) for item in payload["items"])
    return "magenta", f"recalled {len(payload['items'])}: {titles}"


def _tested(payload: Payload) -> tuple[str, str]:
    verdict = "passed" if payload["passed"] else "failed"
    style = "green" if payload["passed"] else "yellow"
    return style, f"test {verdict} in the {payload['tier']} sandbox: {one_line(str(payload['detail']))}"


def _said(payload: Payload) -> tuple[str, str]:
    return ("green", f"told: {one_line(str(payload['content']))}") if payload.get("steers") else ("dim", "")


NOTES: dict[str, Callable[[Payload], tuple[str, str]]] = {
    "message.created": _said,
    "run.started": lambda p: ("dim", f"worker {escape(str(p['worker_id']))} (generation {p['generation']})"),
    "run.waiting": _waiting,
    "run.rolled_back": lambda p: ("yellow", f"taken back: {one_line(str(p['reason']))}"),
    "run.resumed": lambda p: ("green", f"goes on: {one_line(str(p['reason']))}"),
    "model.called": _model_called,
    "model.failed": lambda p: ("yellow", f"model: {one_line(str(p['message']))}"),
    "tool.called": _tool_called,
    "tool.finished": _tool_finished,
    "tool.in_doubt": lambda p: ("yellow", f"{escape(str(p['name']))} was interrupted; policy {p['policy']}"),
    "approval.requested": lambda p: (
        "yellow",
        f"a person is asked: {one_line(str(p['reason']))} [dim](hortus approval show {p['approval_id']})[/]",
    ),
    "approval.decided": lambda p: ("green", f"{escape(str(p['by']))}: {p['decision']} {one_line(str(p['reason']))}"),
    "approval.expired": lambda _: ("yellow", "nobody decided in time"),
    "memory.recalled": _recalled,
    "memory.written": lambda p: ("magenta", f"remembered: {one_line(str(p['title']), 80)}"),
    "capability.requested": lambda p: (
        "blue",
        f"needs a new tool: {escape(str(p['name']))} ({one_line(p['purpose'])})",
    ),
    "capability.proposed": lambda p: ("blue", f"wrote {escape(str(p['name']))}, attempt {p['attempt']}"),
    "capability.tested": _tested,
    "capability.activated": lambda p: ("green", f"{escape(str(p['name']))} version {p['version']} is in the library"),
    "capability.reused": lambda p: (
        "green",
        f"reuses {escape(str(p['name']))} version {p['version']} from the library",
    ),
    "budget.warned": lambda p: ("yellow", f"{p['used']:g} of {p['bound']:g} {p['limit']} are used"),
    "run.failed": lambda p: ("red", f"failed: {one_line(str(p['message']), 300)}"),
    "run.cancelled": lambda p: ("yellow", f"cancelled: {one_line(str(p['reason']))}"),
    "run.budget_exhausted": lambda p: ("yellow", f"budget exhausted: {p['limit']}"),
}
