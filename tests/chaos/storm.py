"""A storm: runs with effects outside, processes and services killed at random; then what must hold is checked.

Used by the test and by `python -m bench.chaos`. Everything random comes from one seed; what the machine makes of it is
its own affair, so a seed repeats the faults and not their instants.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psycopg
import redis
from fixtures_stack import Stack
from ledger import Ledger
from stack_parts import freeze
from storm_checks import Aftermath, Findings, Recovery, check, recoveries
from storm_clients import Clients, Screen
from storm_script import ANSWERS, PLANS, TOOLS, rules
from warm_processes import WarmChild
from warm_stack import LEASE_S, READY_S, await_ready, open_warm_stack

FROZEN_S = (0.2, 2 * LEASE_S)
DRAIN_S = 300.0  # a busy machine; an idle one takes seconds


WEIGHTS = {
    "worker kill -9": 40,
    "worker SIGSTOP": 15,
    "api kill -9": 12,
    "database backend": 15,
    "valkey wiped": 8,
    "valkey kill -9": 5,
    "database kill -9": 5,
}


@dataclass(frozen=True)
class Plan:
    """How much of what. `pause_s` bounds the time between two faults; `weights` says how often each kind comes."""

    kills: int
    seed: int
    sessions: int = 6
    workers: int = 3
    apis: int = 2
    pause_s: tuple[float, float] = (0.1, 1.2)
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)


@dataclass
class Report:
    """What was done and found."""

    plan: Plan
    faults: Counter[str]
    runs: int
    events: int
    visits: int
    rewinds: int
    decided: int
    takeovers: int
    recoveries: list[Recovery]
    findings: Findings
    timeline: list[tuple[float, str]]
    took_s: float


@dataclass
class Weather:
    """The faults. One at a time, from a thread of its own; what was killed comes back, what was stopped goes on."""

    stack: Stack
    workers: list[WarmChild]
    apis: list[WarmChild]
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    kills: list[tuple[int, float]] = field(default_factory=list)
    frozen: dict[int, float] = field(default_factory=dict)
    timeline: list[tuple[float, str]] = field(default_factory=list)

    def rage(self, plan: Plan) -> None:
        """So many faults as the plan says."""
        faults: dict[str, Callable[[], bool]] = {
            "worker kill -9": self.kill_worker,
            "worker SIGSTOP": self.freeze_worker,
            "api kill -9": self.kill_api,
            "database backend": self.end_backend,
            "valkey wiped": self.wipe_valkey,
            "valkey kill -9": self.restart_valkey,
            "database kill -9": self.kill_postgres,
        }
        names, weights = zip(*plan.weights.items(), strict=True)
        while self.done.total() < plan.kills:
            (name,) = self.dice.choices(names, weights)
            self.thaw_due()
            began_at = time.time()
            if faults[name]():
                self.timeline.append((began_at, name))
                self.done[name] += 1
                time.sleep(self.dice.uniform(*plan.pause_s))
            else:
                time.sleep(0.05)
            self._revive()

    def kill_worker(self) -> bool:
        """In the middle of whatever it does."""
        up = self._working()
        if len(up) < 2:
            return False
        child = self.dice.choice(up)
        self.kills.append((child.pid, time.time()))
        self._replace(child)
        return True

    def freeze_worker(self) -> bool:
        """For less than its lease, or for longer."""
        up = self._working()
        if len(up) < 2:
            return False
        child = self.dice.choice(up)
        freeze(child.pid)
        self.frozen[child.pid] = time.monotonic() + self.dice.uniform(*FROZEN_S)
        return True

    def _working(self) -> list[WarmChild]:
        return [child for child in self.workers if child.pid not in self.frozen and child.alive and child.ready(child)]

    def thaw_due(self, *, everything: bool = False) -> None:
        """Let those go on whose time has come."""
        for pid, due in list(self.frozen.items()):
            if everything or time.monotonic() >= due:
                del self.frozen[pid]
                next(child for child in self.workers if child.pid == pid).signal(signal.SIGCONT)

    def kill_api(self) -> bool:
        """The other one has to do meanwhile."""
        if not all(child.alive and child.ready(child) for child in self.apis):
            return False
        self._replace(self.dice.choice(self.apis))
        return True

    def wipe_valkey(self) -> bool:
        """Wake-ups, half-written answers, everything."""
        with redis.Redis.from_url(self.stack.env["HORTUS_BROKER_URL"]) as client:
            client.flushall()
        return True

    def restart_valkey(self) -> bool:
        """It keeps nothing."""
        self.stack.wipe_valkey()
        return True

    def end_backend(self) -> bool:
        """One connection of whatever process."""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'hortus%' ORDER BY pid"
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            pids = [row[0] for row in connection.execute(query)]
            if not pids:
                return False
            connection.execute("SELECT pg_terminate_backend(%s)", [self.dice.choice(pids)])
        return True

    def kill_postgres(self) -> bool:
        """The postmaster; what it had begun has to be recovered from the write-ahead log."""
        server = self.stack.postgres
        assert server is not None
        server.stop(self.dice.choice((signal.SIGKILL, signal.SIGQUIT)))
        time.sleep(self.dice.uniform(0, 0.5))
        until = time.monotonic() + READY_S
        while True:
            try:
                self.stack.spawner.call(server.start)
            except psycopg.OperationalError:  # the children of the killed one have not all noticed yet
                assert time.monotonic() < until, "PostgreSQL does not come back"
                time.sleep(0.1)
            else:
                return True

    def _revive(self) -> None:
        """What could not start because a service was away just then."""
        for child in (*self.workers, *self.apis):
            if not child.alive:
                child.start()

    def restore(self) -> None:
        """Everything up again."""
        self.thaw_due(everything=True)
        self._revive()
        await_ready(*self.workers, *self.apis)

    @staticmethod
    def _replace(child: WarmChild) -> None:
        child.signal(signal.SIGKILL)
        while child.alive:
            time.sleep(0.005)
        child.start()


def run_storm(folder: Path, plan: Plan) -> Report:
    """Open everything in `folder`, storm, drain, check."""
    began = time.monotonic()
    with open_warm_stack(folder, workers=plan.workers, apis=plan.apis, ledger_seed=plan.seed) as warm:
        warm.stack.model.script(*rules())
        agent = warm.stack.make_agent(plugins=list(TOOLS.values()))
        weather = Weather(warm.stack, warm.workers, warm.apis, random.Random(plan.seed))
        try:
            clients, screens = asyncio.run(_live_through(warm.stack, weather, warm.ledger, plan=plan, agent=agent))
        except BaseException:
            print(warm.logs())  # noqa: T201 - the only trace of what went wrong
            raise
        return _report(warm.stack, weather, warm.ledger, plan=plan, clients=clients, screens=screens, began=began)


async def _live_through(
    stack: Stack, weather: Weather, ledger: Ledger, *, plan: Plan, agent: str
) -> tuple[Clients, list[Screen]]:
    raging = asyncio.Event()
    raging.set()
    dice = random.Random(plan.seed + 1)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(headers=stack.headers(), connector=connector) as http:
        clients = Clients(http, tuple(child.url for child in weather.apis), dice)
        sessions = [(await clients.post("/v1/sessions", {"agent": agent}))["id"] for _ in range(plan.sessions)]
        screens = [Screen(session_id) for session_id in sessions for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            attending = [group.create_task(clients.read(screen)) for screen in screens]
            attending.append(group.create_task(clients.judge(ledger)))
            talks = [
                group.create_task(clients.converse(agent, screen.session_id, _plans(raging, dice), screen))
                for screen in screens[::2]
            ]
            try:
                await asyncio.to_thread(weather.rage, plan)
                await asyncio.to_thread(weather.restore)
                raging.clear()
                await _drain(stack, screens, talks)
            finally:
                for task in attending:
                    task.cancel()
    return clients, screens


async def _plans(raging: asyncio.Event, dice: random.Random) -> AsyncIterator[str]:
    while raging.is_set():
        yield dice.choice(PLANS)


async def _drain(stack: Stack, screens: list[Screen], talks: list["asyncio.Task[None]"]) -> None:
    """Until every conversation has ended and every reader is at the end; what is left then is found by the checks."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            await asyncio.wait(talks)
            while any(screen.cursor < seq for screen, seq in await asyncio.to_thread(_ends, stack, screens)):
                await asyncio.sleep(0.2)
    for task in talks:
        task.cancel()


def _ends(stack: Stack, screens: list[Screen]) -> list[tuple[Screen, int]]:
    with psycopg.connect(stack.database_url) as connection:
        last: Mapping[str, int] = dict(connection.execute("SELECT id::text, last_seq FROM sessions").fetchall())
    return [(screen, last[screen.session_id]) for screen in screens]


def _report(
    stack: Stack,
    weather: Weather,
    ledger: Ledger,
    *,
    plan: Plan,
    clients: Clients,
    screens: list[Screen],
    began: float,
) -> Report:
    aftermath = Aftermath.read(stack.database_url)
    return Report(
        plan=plan,
        faults=weather.done,
        runs=len(clients.accepted),
        events=len(aftermath.events),
        visits=sum(screen.visits for screen in screens),
        rewinds=sum(screen.rewinds for screen in screens),
        decided=clients.decided,
        takeovers=sum(run["generation"] - 1 for run in aftermath.runs),
        recoveries=recoveries(aftermath, weather.kills),
        findings=check(aftermath, clients.accepted, ledger.effects, screens, ANSWERS),
        timeline=weather.timeline,
        took_s=round(time.monotonic() - began, 1),
    )
