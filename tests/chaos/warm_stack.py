"""A stack whose workers and apis start within a moment, and a ledger that their tools write to."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fixtures_stack import Stack, open_stack
from ledger import Ledger, open_ledger
from stack_parts import TAIL, answers, free_port, logged
from warm_processes import Ready, WarmChild

LEASE_S = 2.0
SETTINGS = {
    "HORTUS_WORKER_LEASE_S": str(LEASE_S),
    "HORTUS_WORKER_PLUGINS": '["ledger_tools:tools"]',
    "HORTUS_DATABASE_POOL_SIZE": "4",
    # A wake-up that a dead worker took with it is sent again by the reaper after five rounds.
    "HORTUS_WORKER_REAPER_S": "0.4",
}
GIVEN = {"HORTUS_TEST_DATABASE_URL", "HORTUS_TEST_BROKER_URL"}
needs_own_services = pytest.mark.skipif(bool(GIVEN & os.environ.keys()), reason="these services are not ours to break")
READY_S = 180.0  # a busy machine; an idle one takes a second


@dataclass(frozen=True)
class WarmStack:
    """The services are the stack's own; `workers`, `apis` and `beat` can be killed and come back at once."""

    stack: Stack
    ledger: Ledger
    workers: list[WarmChild]
    apis: list[WarmChild]
    beat: WarmChild

    def logs(self) -> str:
        """The end of every process's log."""
        children = (*self.workers, *self.apis, self.beat)
        return "\n".join(f"--- {child.name}\n{child.text()[-TAIL:]}" for child in children)


def await_ready(*children: WarmChild) -> None:
    """Block until all are ready; one that died at its start, because a service was away, is started again."""
    until = time.monotonic() + READY_S
    for child in children:
        while not (child.alive and child.ready(child)):
            assert time.monotonic() < until, f"{child.name} is not ready\n{child.text()[-TAIL:]}"
            if not child.alive:
                child.start()
            time.sleep(0.05)


@contextmanager
def open_warm_stack(
    folder: Path,
    *,
    workers: int,
    apis: int,
    ledger_seed: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[WarmStack]:
    """Start everything in `folder`; with a seed, the ledger answers late at random."""
    with ExitStack() as exits:
        slow_s = 0.0 if ledger_seed is None else 0.15
        ledger = exits.enter_context(open_ledger(slow_s=slow_s, seed=ledger_seed or 0))
        env = {**SETTINGS, "CHAOS_LEDGER_URL": ledger.url, "PYTHONPATH": str(Path(__file__).parent), **(settings or {})}
        stack = exits.enter_context(open_stack(folder, apis=0, workers=0, beats=0, settings=env))
        opened = WarmStack(
            stack=stack,
            ledger=ledger,
            workers=[_warm(stack, f"worker-{number + 1}", logged("ready.")) for number in range(workers)],
            apis=[_api(stack, number + 1) for number in range(apis)],
            beat=_warm(stack, "beat-1", logged("beat_ready")),
        )
        children = (*opened.workers, *opened.apis, opened.beat)
        exits.callback(lambda: [child.kill() for child in children])
        await_ready(*children)
        stack.apis.extend(opened.apis)
        yield opened


def _api(stack: Stack, number: int) -> WarmChild:
    port = free_port()
    env = {"HORTUS_API_PORT": str(port)}
    return _warm(stack, f"api-{number}", answers("/readyz"), env=env, url=f"http://127.0.0.1:{port}")


def _warm(stack: Stack, name: str, ready: Ready, *, env: Mapping[str, str] | None = None, url: str = "") -> WarmChild:
    kind = name.partition("-")[0]
    own = {**stack.env, **(env or {})}
    return WarmChild(name, kind, env=own, folder=stack.folder, ready=ready, url=url).start()
