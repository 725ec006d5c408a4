"""Cold start and memory: `hortus up` without the embedded model server, in a new home and again in the same.

`up` is when the command says that all is ready; `answered` when the first run has its answer. CPU time is what the
whole start burnt, which does not depend on what else the machine does. Memory is the proportional set size (PSS:
pages that processes share are counted once), before any run and after a hundred.
"""

import argparse
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import uvloop

from bench.client import open_client
from bench.report import Figures, table, write
from bench.stack import ANSWER, Stack, scripted_model, up

RUNS = 100


def memory_mib(stack: Stack) -> Figures:
    """PSS by component; PostgreSQL with its backends."""
    return {name: round(_pss(process) / 2**20, 1) for name, process in stack.processes().items()}


def _pss(process: psutil.Process) -> int:
    family = [process] if process.name().startswith("python") else [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family)


def _cpu_s(stack: Stack) -> float:
    total = 0.0
    for process in stack.processes().values():
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return round(total, 1)


async def start(home: Path, model_url: str) -> tuple[Figures, dict[str, Figures]]:
    """Start once, answer once, then a hundred times."""
    began = time.perf_counter()
    async with up(home, model_url, workers=2) as stack, open_client(stack) as client:
        agent = await client.agent()
        await client.ended(await client.submit(agent))
        figures = {"up s": round(stack.started_s, 1), "answered s": round(time.perf_counter() - began, 1)}
        figures["CPU s"] = _cpu_s(stack)
        idle = memory_mib(stack)
        for run_id in [await client.submit(agent) for _ in range(RUNS)]:
            await client.ended(run_id)
        used = memory_mib(stack)
    rows = {name: {"idle MiB": idle[name], f"after {RUNS}": used[name]} for name in idle}
    rows["all"] = {"idle MiB": round(sum(idle.values()), 1), f"after {RUNS}": round(sum(used.values()), 1)}
    return figures, rows


async def measure() -> None:
    with ExitStack() as exits:
        folder = Path(tempfile.mkdtemp(prefix="hortus-bench-"))
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)
        async with scripted_model(folder, ANSWER) as model_url:
            first, _ = await start(folder / "home", model_url)
            again, memory = await start(folder / "home", model_url)
    starts = {"first start": first, "second start": again}
    table("cold start", starts)
    table("memory (PSS)", memory)
    write("footprint", {"starts": starts, "memory_mib": memory})


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    uvloop.run(measure())


if __name__ == "__main__":
    main()
