"""Figures: percentiles, a table on the screen, a JSON file in `bench/results/`."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Figures = dict[str, float]


def percentiles(values: Sequence[float]) -> Figures:
    """p50, p99 and n of values in ms; the p99 of fewer than 100 is their maximum."""
    ordered = sorted(values)
    if not ordered:
        return {"p50_ms": float("nan"), "p99_ms": float("nan"), "n": 0}
    place = min(len(ordered) - 1, round(0.99 * len(ordered)))
    return {
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[place], 2),
        "n": len(ordered),
    }


def median_of(repetitions: Sequence[Figures]) -> Figures:
    """The median of every figure over the repetitions that have it."""
    names = dict.fromkeys(name for figures in repetitions for name in figures)
    return {
        name: round(statistics.median([figures[name] for figures in repetitions if name in figures]), 3)
        for name in names
    }


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of ratios of what was measured side by side."""
    return round(statistics.median([a / b for a, b in zip(above, below, strict=True)]), 2)


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was."""
    return {
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),  # counts this benchmark too
    }


def write(name: str, document: Mapping[str, Any]) -> Path:
    """Write the result of one benchmark."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    full = {"benchmark": name, "at": datetime.now(UTC).isoformat(), "machine": machine(), **document}
    path.write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
    return path


def table(title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print rows of figures under the names of their columns."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    width = max([len(name) for name in rows] + [len(title)])
    wide = {column: max(len(column), 8) + 3 for column in columns}
    print(f"\n{title:{width}}" + "".join(f"{column:>{wide[column]}}" for column in columns))
    for name, row in rows.items():
        print(f"{name:{width}}" + "".join(f"{_cell(row.get(column)):>{wide[column]}}" for column in columns))


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
