"""What a terminal shows of a run that is told something while it answers."""

from typing import Any

import pytest

from hortus_server.cli.live_view import LiveView
from hortus_server.cli.render import harmless, visible


def event(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": "event", "event": {"seq": seq, "type": kind, "run_id": "r", "payload": payload}}


def test_two_answers_of_a_run_stand_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveView()
    frames = [
        {"type": "delta", "message_id": "m1", "index": 0, "text": "first"},
        event(4, "message.created", message_id="u", content="be brief", steers=True),
        event(5, "message.completed", message_id="m1", content="first answer"),
        {"type": "delta", "message_id": "m2", "index": 0, "text": "second"},
        event(6, "message.completed", message_id="m2", content="second"),
    ]
    for frame in frames:
        assert not view.show(frame, run_id="r")
    assert view.show(event(7, "run.succeeded"), run_id="r")
    shown = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in shown if line.strip()] == ["first", "told: be brief", "answer", "second"]
    assert (view.answer, view.cursor) == ("second", 7)


def test_the_first_message_of_a_run_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    LiveView().show(event(2, "message.created", message_id="u", content="hello", steers=False))
    assert capsys.readouterr().out == ""


def test_nothing_that_a_terminal_obeys_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveView()
    view.show({"type": "delta", "message_id": "m1", "index": 0, "text": "a\x1b]52;c;ZXZpbA==\x07b\n\u202eevil\x9b2J"})
    view.show(event(5, "tool.called", name="send", arguments={"to": "\x1b[2J"}))
    view.show(event(6, "run.failed", message="gone\x1b[8m"))
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
    assert "a\\u001b]52;c;ZXZpbA==\\u0007b\n\\u202eevil\\u009b2J" in shown
    assert "gone\\u001b" in shown


def test_who_decides_sees_what_cannot_be_seen() -> None:
    assert visible("bob\u200b@ours\u202e.example \U000e0041\n") == "bob\\u200b@ours\\u202e.example \\udb40\\udc41\n"
    assert (
        harmless("family: \U0001f468\u200d\U0001f469, \u0646\u200c\u0645")
        == "family: \U0001f468\u200d\U0001f469, \u0646\u200c\u0645"
    )
