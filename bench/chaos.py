"""A storm of kills over runs with effects outside; then: lost, duplicated, repeated, and how soon another went on.

The storm is the test's own (`tests/chaos/storm.py`): kill -9 and SIGSTOP of workers, kill -9 of apis, Valkey wiped or
killed, database connections cut, PostgreSQL killed. `recovery` is from the kill -9 of a worker to the next event of
each run that it held, while others were up; what the storm does meanwhile to the database counts into it. The exit
status is 1 where anything was found. A storm without a seed draws one and prints it.
"""

import argparse
import importlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import percentiles, table, write

TESTS = Path(__file__).resolve().parent.parent / "tests"
TARGET = {"lost": 0, "duplicated": 0, "p99_ms": 2_000}
SHOWN = 20  # findings on the screen; the file has all


def storm_module() -> Any:
    """The tests' driver; they are no package, so it is found by path."""
    sys.path[:0] = [str(TESTS), str(TESTS / "chaos")]
    return importlib.import_module("storm")


def storms(kills: int, seed: int, largest: int) -> list[tuple[int, int]]:
    """A long storm in parts with stacks of their own, so that its checks need not fold a day's log: (kills, seed)."""
    dice = random.Random(seed)
    parts = [largest] * (kills // largest) + ([kills % largest] if kills % largest else [])
    return [(part, seed if number == 0 else dice.randrange(10**6)) for number, part in enumerate(parts)]


def ride(kills: int, seed: int) -> Any:
    """One storm; its report."""
    storm = storm_module()
    print(f"storm of {kills} faults, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hortus-storm-") as folder:
        Path(folder).chmod(0o711)
        report = storm.run_storm(Path(folder), storm.Plan(kills=kills, seed=seed))
    print(f"  {report.runs} runs, {report.takeovers} takeovers, {len(report.findings.all)} findings", flush=True)
    return report


def publish(reports: Sequence[Any], *, kills: int, seed: int) -> list[str]:
    """Print and write; all findings."""
    faults: Counter[str] = sum((report.faults for report in reports), Counter())
    kinds = {kind: sum(len(vars(report.findings)[kind]) for report in reports) for kind in vars(reports[0].findings)}
    recoveries = [one.took_ms for report in reports for one in report.recoveries]
    counts = {
        name: sum(getattr(report, name) for report in reports)
        for name in ("runs", "events", "takeovers", "visits", "rewinds", "decided")
    }
    table(f"chaos: {kills} faults, seed {seed}", {name: {"times": times} for name, times in faults.most_common()})
    table("found", {name: {"count": count} for name, count in kinds.items()})
    table("recovery", {"next event after kill -9 of a worker": percentiles(recoveries)})
    findings = [text for report in reports for text in report.findings.all]
    for text in findings[:SHOWN]:
        print(f"! {text}")
    document = {"faults": dict(faults), "found": kinds, "recovery": percentiles(recoveries), "findings": findings}
    took = {"took_s": round(sum(report.took_s for report in reports), 1)}
    write("chaos", {"target": TARGET, "kills": kills, "seed": seed, **counts, **document, **took})
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--part", type=int, default=250, help="faults of one stack at most")
    options = parser.parse_args()
    reports = [ride(kills, seed) for kills, seed in storms(options.kills, options.seed, options.part)]
    if publish(reports, kills=options.kills, seed=options.seed):
        sys.exit(1)


if __name__ == "__main__":
    main()
