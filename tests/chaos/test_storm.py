"""A hundred faults at random: nothing is lost, nothing happens twice, and readers see one log, once."""

import random
from pathlib import Path

import pytest
from storm import Plan, run_storm
from warm_stack import needs_own_services

KILLS = 100


@needs_own_services
@pytest.mark.timeout(1500)  # about three minutes on two idle cores
def test_a_storm_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure: Plan(kills=KILLS, seed=...)
    report = run_storm(tmp_path, Plan(kills=KILLS, seed=seed))
    assert report.findings.all == [], f"seed {seed}"
    assert sum(report.faults.values()) == KILLS
    assert report.takeovers > 0
    assert report.runs > KILLS / 10
