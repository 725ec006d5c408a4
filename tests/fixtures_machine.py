"""A running `hortus up` for tests: the commands of its home, its rows, its points."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row

from hortus_server.adapters.embedded.home import HortusHome

UP_TIMEOUT_S = 420.0  # downloads half a gigabyte where no cache holds it
DEMO_TIMEOUT_S = 420.0
DOWN_TIMEOUT_S = 45.0


@dataclass(frozen=True)
class Machine:
    """A running `hortus up` with its home."""

    home: HortusHome
    environment: dict[str, str]
    url: str
    admin_key: str
    process: subprocess.Popen[str]

    def hortus(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hortus_server.cli", *arguments],
            env=self.environment, text=True, capture_output=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def rows(self, query: str, *values: object) -> list[DictRow]:
        ports = json.loads((self.home.run / "ports.json").read_text())
        password = self.home.secret("postgres_password")
        dsn = f"postgresql://hortus:{password}@127.0.0.1:{ports['postgres']}/hortus"
        with psycopg.connect(dsn, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def points(self, collection: str) -> list[dict[str, Any]]:
        ports = json.loads((self.home.run / "ports.json").read_text())
        answer = httpx.post(
            f"http://127.0.0.1:{ports['qdrant']}/collections/{collection}/points/scroll",
            json={"limit": 100, "with_payload": True},
            headers={"api-key": self.home.secret("qdrant_api_key")},
            timeout=10.0,
        )
        found: list[dict[str, Any]] = answer.raise_for_status().json()["result"]["points"]
        return found


@contextmanager
def open_machine(settings: Mapping[str, str]) -> Iterator[Machine]:
    """`hortus up` in an empty home with these settings and none of the caller's; stopped at the end.

    With HORTUS_MODEL_URL among the settings that model is used, and the embedded one is not started.
    """
    cache = Path(os.environ.get("HORTUS_MODELS_DIR", Path.home() / ".cache" / "hortus" / "models"))
    with tempfile.TemporaryDirectory(prefix="hortus-e2e-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as nobody where we are root
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HORTUS_")},
            "HORTUS_HOME": f"{folder}/home",
            "HORTUS_MODELS_DIR": str(cache),
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "hortus_server.cli", "up", "--port", "0", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            said = _wait_until_up(process)
            yield Machine(HortusHome.locate(environment), environment, said["url"], said["admin_key"], process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=DOWN_TIMEOUT_S)  # a full pipe would keep it from ending


def _wait_until_up(process: subprocess.Popen[str]) -> dict[str, str]:
    deadline, heard = time.monotonic() + UP_TIMEOUT_S, []
    assert process.stdout is not None
    for line in process.stdout:
        heard.append(line)
        if line.startswith("{") and json.loads(line).get("event") == "up":
            said: dict[str, str] = json.loads(line)
            return said
        assert time.monotonic() < deadline, "".join(heard[-30:])
    raise AssertionError(f"hortus up ended with {process.wait()}:\n{''.join(heard[-30:])}")


def run_demo(machine: Machine) -> dict[str, Any]:
    """`hortus demo`; fails, with what the logs say, unless every finding held."""
    finished = machine.hortus("demo", "--json", timeout_s=DEMO_TIMEOUT_S)
    assert finished.stdout, finished.stderr
    told: dict[str, Any] = json.loads(finished.stdout)
    assert [finding for finding in told["findings"] if not finding["held"]] == [], finished.stderr[-4000:]
    return told


def assert_main_job_in_rows(machine: Machine, demo: Mapping[str, Any]) -> None:
    """The main job as rows and points tell it: logs, episode, tool, recall, reuse, workers."""
    first, second = demo["sessions"]
    assert_gap_free(machine, first)
    assert_gap_free(machine, second)
    assert_episode_points_at_its_events(machine, first)
    assert_tool_has_source_and_passed(machine, first)
    assert_reused_without_writing(machine, first, second)
    assert_two_workers(machine)


def assert_gap_free(machine: Machine, session: str) -> None:
    found = machine.rows("SELECT seq FROM events WHERE session_id = %s ORDER BY seq", session)
    assert [row["seq"] for row in found] == list(range(1, len(found) + 1))
    (last,) = machine.rows("SELECT last_seq FROM sessions WHERE id = %s", session)
    assert last["last_seq"] == len(found)


def assert_episode_points_at_its_events(machine: Machine, session: str) -> None:
    (memory,) = machine.rows("SELECT * FROM memories WHERE session_id = %s AND kind = 'episode'", session)
    assert memory["indexed_at"] is not None
    within = machine.rows(
        "SELECT 1 FROM events WHERE session_id = %s AND seq BETWEEN %s AND %s AND type = 'message.created'",
        session, memory["source_first_seq"], memory["source_last_seq"],
    )  # fmt: skip
    assert within
    payloads = json.dumps(machine.points("episodes"))
    assert str(memory["id"]) in payloads
    assert session in payloads


def assert_tool_has_source_and_passed(machine: Machine, session: str) -> None:
    (version,) = machine.rows("SELECT * FROM tool_versions WHERE state = 'active'")
    assert "def " in version["source"]
    assert version["tests"]
    assert version["test_report"]["passed"] is True
    (event,) = machine.rows("SELECT session_id, payload FROM events WHERE type = 'capability.activated'")
    assert str(event["session_id"]) == session
    assert event["payload"]["tool_version_id"] == str(version["id"])


def assert_reused_without_writing(machine: Machine, first: str, second: str) -> None:
    events = machine.rows("SELECT type, payload FROM events WHERE session_id = %s ORDER BY seq", second)
    recalled = [item for row in events if row["type"] == "memory.recalled" for item in row["payload"]["items"]]
    assert first in {item["session_id"] for item in recalled}
    reused = [row["payload"]["tool_version_id"] for row in events if row["type"] == "capability.reused"]
    used = [row["payload"]["tool_version_id"] for row in events if row["type"] == "tool.called"]
    assert set(reused) & set(used)
    purposes = {row["payload"]["purpose"] for row in events if row["type"] == "model.called"}
    assert purposes == {"act"}
    assert not [row for row in events if row["type"] in {"capability.requested", "capability.proposed"}]


def assert_two_workers(machine: Machine) -> None:
    found = machine.rows("SELECT DISTINCT payload->>'worker_id' AS worker FROM events WHERE type = 'run.started'")
    assert len(found) == 2
