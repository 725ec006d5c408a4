"""The main job as a newcomer lives it: `hortus up`, `hortus demo`, on a real model; judged by rows, not by words."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fixtures_machine import (
    DEMO_TIMEOUT_S,
    DOWN_TIMEOUT_S,
    UP_TIMEOUT_S,
    Machine,
    assert_episode_points_at_its_events,
    assert_gap_free,
    assert_reused_without_writing,
    assert_tool_has_source_and_passed,
    assert_two_workers,
    open_machine,
    run_demo,
)

from hortus_server.adapters.embedded.state import SupervisorState, marked_processes

MODEL = os.environ.get("HORTUS_TEST_MODEL", "qwen2.5-coder-0.5b")

pytestmark = [pytest.mark.realmodel, pytest.mark.timeout(UP_TIMEOUT_S + DEMO_TIMEOUT_S + DOWN_TIMEOUT_S)]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with open_machine({"HORTUS_EMBEDDED_MODEL": MODEL}) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(machine: Machine) -> dict[str, Any]:
    return run_demo(machine)


def test_the_key_is_shown_once_and_kept_private(machine: Machine) -> None:
    kept = machine.home.root / "secrets" / "admin_key"
    assert kept.read_text() == machine.admin_key
    assert kept.stat().st_mode & 0o077 == 0
    answer = httpx.get(f"{machine.url}/v1/me", headers={"Authorization": f"Bearer {machine.admin_key}"})
    assert answer.status_code == 200


def test_both_logs_are_gap_free(machine: Machine, demo: dict[str, Any]) -> None:
    for session in demo["sessions"]:
        assert_gap_free(machine, session)


def test_the_first_session_left_an_episode_that_points_at_its_events(machine: Machine, demo: dict[str, Any]) -> None:
    assert_episode_points_at_its_events(machine, demo["sessions"][0])


def test_the_tool_is_a_row_with_source_and_a_passed_test(machine: Machine, demo: dict[str, Any]) -> None:
    assert_tool_has_source_and_passed(machine, demo["sessions"][0])


def test_the_second_session_recalled_and_reused_and_wrote_nothing(machine: Machine, demo: dict[str, Any]) -> None:
    assert_reused_without_writing(machine, *demo["sessions"])


def test_the_two_runs_were_on_different_workers(machine: Machine, demo: dict[str, Any]) -> None:
    assert_two_workers(machine)
    assert demo["findings"]


def test_status_and_doctor_find_everything_well(machine: Machine) -> None:
    rows = json.loads(machine.hortus("status", "--json").stdout)
    assert {row["status"] for row in rows} == {"ready"}
    checks = json.loads(machine.hortus("doctor", "--json").stdout)
    assert [check for check in checks if check["outcome"] == "fail"] == []


def test_interrupt_stops_everything_within_seconds(machine: Machine, demo: dict[str, Any]) -> None:
    marker = machine.home.marker
    assert len(marked_processes(marker)) >= 6
    started = time.monotonic()
    machine.process.send_signal(signal.SIGINT)
    machine.process.communicate(timeout=DOWN_TIMEOUT_S)
    assert time.monotonic() - started < DOWN_TIMEOUT_S
    assert marked_processes(marker) == []
    assert SupervisorState.load(machine.home.state_file) is None
    assert demo["findings"]
