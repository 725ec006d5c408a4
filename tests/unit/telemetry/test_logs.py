import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from hortus_agents.tools.redaction import Redactor
from hortus_server.settings import LogSettings
from hortus_server.telemetry import logs
from hortus_server.telemetry.blotting import blotting

SECRET = "s3cr3t/token+value"


@pytest.fixture(params=["json"])
def written(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    # Configuring takes Python's own hooks over; they come back with the test's end.
    for module, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure_logs(LogSettings(format=request.param), process="worker")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_lines_are_json_with_the_run_s_ids(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(run_id="r1", session_id="s1", tenant_id="t1"):
        structlog.get_logger("here").info("claimed", generation=2)
        logging.getLogger("library").warning("from %s", "elsewhere")
    ours, theirs = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (ours["event"], ours["generation"], ours["process"], ours["level"]) == ("claimed", 2, "worker", "info")
    assert theirs["event"] == "from elsewhere"
    for line in (ours, theirs):
        assert (line["run_id"], line["session_id"], line["tenant_id"]) == ("r1", "s1", "t1")


def test_secrets_are_blotted_out(written: io.StringIO) -> None:
    log = structlog.get_logger("here")
    log.info("connect to redis://:hunter22@127.0.0.1:6379/0", authorization="Bearer abcdefghijk", api_key="k" * 20)
    log.info("nested", headers={"Authorization": "Bearer abcdefghijk"}, total_tokens=7)
    logging.getLogger("library").warning("sent Bearer abcdefghijk")
    text = written.getvalue()
    for secret in ("hunter22", "abcdefghijk", "k" * 20):
        assert secret not in text
    assert json.loads(text.splitlines()[1])["total_tokens"] == 7


def test_an_exception_is_part_of_its_line(written: io.StringIO) -> None:
    structlog.get_logger("here").error("run_broke", exc_info=ValueError("broken redis://:hunter22@host"))
    (line,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert "ValueError: broken" in line["exception"]
    assert "hunter22" not in line["exception"]


def test_what_a_process_has_opened_is_blotted_out_while_it_says_so(written: io.StringIO) -> None:
    log = structlog.get_logger("here")
    with blotting(lambda text: text.replace("hunter22", "[redacted]")):
        log.info("heard hunter22", nested={"deep": "hunter22"})
    log.info("hunter22")
    first, second = written.getvalue().splitlines()
    assert "hunter22" not in first
    assert "hunter22" in second


def said_by(value: str) -> None:
    held = {"in a local": value}
    raise ValueError(f"the server said {held['in a local']}")


def broken_by(value: str) -> None:
    try:
        said_by(value)
    except ValueError as error:
        raise RuntimeError("and so it broke") from error


@pytest.mark.parametrize("written", ["json", "console"], indirect=True)
def test_no_traceback_shows_a_secret(written: io.StringIO) -> None:
    with blotting(Redactor([SECRET]).text):
        try:
            broken_by(SECRET)
        except RuntimeError as error:
            structlog.get_logger("ours").error("run_broke", exc_info=error)
            logging.getLogger("uvicorn.error").exception("in the application")
            logging.getLogger("celery.worker").exception("in the task %s", SECRET)
            logging.getLogger("asyncio").critical("never retrieved", exc_info=error, extra={"told": SECRET})
            sys.excepthook(type(error), error, error.__traceback__)
    text = written.getvalue()
    assert SECRET not in text
    assert text.count("the server said [redacted]") == 5
    assert "uncaught" in text


@pytest.mark.parametrize("written", ["json", "console"], indirect=True)
def test_no_value_of_a_line_shows_a_secret_however_deep(written: io.StringIO) -> None:
    with blotting(Redactor([SECRET]).text):
        structlog.get_logger("ours").info(
            SECRET,
            listed=[1, (SECRET,)],
            error=ValueError(SECRET),
            raw=SECRET.encode(),
            deep={f"key {SECRET}": {1: SECRET}},
        )
        logging.getLogger("theirs").warning("sent %s as %r", SECRET, {"t": [SECRET]})
    text = written.getvalue()
    assert SECRET not in text
    assert text.count("[redacted]") == 8


@pytest.mark.parametrize("written", ["json"], indirect=True)
def test_a_value_that_looks_like_a_part_of_the_line_hides_none(written: io.StringIO) -> None:
    with blotting(Redactor(["critical", "run_broke", "worker-of-mine", "tenant_id"]).text):
        structlog.get_logger("worker-of-mine").critical("run_broke", tenant_id="t1")
    line = json.loads(written.getvalue())
    assert (line["level"], line["logger"], line["tenant_id"]) == ("critical", "worker-of-mine", "t1")
    assert line["event"] == "[redacted]"
