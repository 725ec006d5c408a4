"""docs/security.md tells of what is there: its files exist, its settings are settings, no risk is left out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:server|agents|memory|tests|deploy|bench)/[\w./-]+)`", TEXT)))
SETTINGS = sorted(set(re.findall(r"`(HORTUS_[A-Z_]+)`", TEXT)))
RISKS = [
    *(f"S{number}" for number in range(1, 14)),
    *(f"ASI{number:02}" for number in range(1, 11)),
    *(f"LLM{number:02}" for number in range(1, 11)),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_it_points_at_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_it_names_exists(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_every_risk_has_one_row() -> None:
    rows = re.findall(r"(?m)^\| (S\d+|ASI\d+|LLM\d+) \|", TEXT)
    assert rows == RISKS
