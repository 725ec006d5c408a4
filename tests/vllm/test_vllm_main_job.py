"""The main job on vLLM: the same rows as on the embedded model."""

import json
import time
from typing import Any

import pytest
from fixtures_machine import Machine, assert_main_job_in_rows, run_demo
from vllm_server import VllmServer, figures

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def counted(vllm_server: VllmServer, machine: Machine) -> tuple[dict[str, Any], float]:
    """The demo, and how many prompt tokens it took from the prefix cache by vLLM's own count."""
    before, started = vllm_server.metric("vllm:prefix_cache_hits_total"), time.monotonic()
    demo = run_demo(machine)
    figures.info("the main job took %.0f s", time.monotonic() - started)
    return demo, vllm_server.metric("vllm:prefix_cache_hits_total") - before


def test_no_model_of_our_own_is_started(machine: Machine) -> None:
    rows = json.loads(machine.hortus("status", "--json").stdout)
    states = {row["name"]: row["status"] for row in rows}
    assert states.get("model", "external") == "external"
    assert states["api"] == "ready"


def test_the_main_job_holds_in_rows(machine: Machine, counted: tuple[dict[str, Any], float]) -> None:
    assert_main_job_in_rows(machine, counted[0])


def test_later_steps_of_a_run_take_their_prefix_from_the_cache(
    machine: Machine, counted: tuple[dict[str, Any], float]
) -> None:
    demo, hits = counted
    for session in demo["sessions"]:
        found = machine.rows(
            "SELECT payload FROM events WHERE session_id = %s AND type = 'model.called' ORDER BY seq", session
        )
        acts = [row["payload"]["usage"] for row in found if row["payload"]["purpose"] == "act"]
        assert len(acts) > 1, "a run of one step has nothing to show"
        assert all(usage["cached_tokens"] > 0 for usage in acts[1:]), acts
    assert hits > 0
