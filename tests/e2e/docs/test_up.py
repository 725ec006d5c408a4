"""`hortus up`, as a newcomer meets it: the real supervisor and services; only the model is the scripted one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_stack import HORTUS, SCRIPTED_MODEL
from stack_parts import Child, Spawner, answers, free_port, until

START_S = 240
ANSWER = "There are 3600 minutes."


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An empty home, and a model; nothing else."""
    spawner = Spawner()
    port = free_port()
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"default": {"json": {"answer": ANSWER}}}), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HORTUS_")}
    argv = (sys.executable, "-c", SCRIPTED_MODEL, str(script), str(port))
    url = f"http://127.0.0.1:{port}"
    model = Child("model", argv, env=env, folder=tmp_path, spawner=spawner, ready=answers("/health"), url=url)
    model.start()
    home = {"HORTUS_HOME": str(tmp_path / "home"), "HORTUS_EMBEDDING_KIND": "hash"}
    yield {**env, **home, "HORTUS_MODEL_URL": f"{url}/v1"}
    model.kill()
    spawner.close()


def hortus(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*HORTUS, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def said(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]  # whole ones


@pytest.mark.timeout(600)
def test_one_command_serves_and_one_stops_it_all(environment: dict[str, str], tmp_path: Path) -> None:
    log, errors = tmp_path / "up.log", tmp_path / "up.err"
    with log.open("wb") as out, errors.open("wb") as err:
        up = subprocess.Popen([*HORTUS, "up", "--port", "0", "--json"], env=environment, stdout=out, stderr=err)
    try:
        until(
            lambda: up.poll() is not None or any(one.get("event") == "up" for one in said(log)),
            within_s=START_S,
            why=lambda: errors.read_text()[-4000:] + log.read_text()[-4000:],
        )
        assert up.poll() is None, errors.read_text()[-4000:]
        (announced,) = [one for one in said(log) if one.get("event") == "up"]
        assert announced["admin_key"].startswith("hk_")

        rows = {row["name"]: row for row in json.loads(hortus(environment, "status", "--json").stdout)}
        assert {"postgres", "valkey", "qdrant", "api", "worker-1", "worker-2", "beat"} <= set(rows)
        assert all(row["pid"] for name, row in rows.items() if name not in {"model", "embeddings", "schema"}), rows

        started = hortus(environment, "run", "start", "gardener", "How many minutes are 2.5 days?", "--json")
        assert started.returncode == 0, started.stderr
        assert ANSWER in started.stdout
        workers = {row["pid"] for name, row in rows.items() if name.startswith("worker-")}
        assert len(workers) == 2

        down = hortus(environment, "down")
        assert down.returncode == 0, down.stderr
        assert up.wait(30) == 0, errors.read_text()[-4000:]
        assert not any(Path(f"/proc/{row['pid']}").exists() for row in rows.values() if row["pid"])
    finally:
        if up.poll() is None:
            up.send_signal(signal.SIGTERM)
            up.wait(60)
