"""A worker dies at each boundary of a step: the next goes on at the exact next thing.

Nothing is timed: the worker stands at the boundary, held by the model, by the ledger, by a lock on the session's row
(which every commit of the run needs) or by a broker that does not answer, and is killed there. Its lease is long, so
that only its death tells the others.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
import pytest
from fixtures_stack import TERMINAL
from ledger_tools import noted
from stack_parts import until
from storm_checks import Aftermath, check
from storm_script import ANSWERS, TOOLS, rules
from stream_reader import Reader, following, read_until
from warm_processes import WarmChild
from warm_stack import WarmStack, await_ready, open_warm_stack

WITHIN_S = 60.0  # a busy machine
SETTINGS = {"HORTUS_WORKER_LEASE_S": "60"}
BLOCKED = "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
FIRST, SECOND = "first turn", "second turn"
pytestmark = pytest.mark.timeout(600)


@dataclass
class Field:
    """The stack, its agent, and every run of this module by now."""

    warm: WarmStack
    agent: str
    accepted: dict[str, dict[str, str]] = field(default_factory=dict)

    def script(self, plan: str) -> None:
        """Both turns are held back before their first byte."""
        self.warm.stack.model.script(*_held(plan))
        self.warm.stack.model.forget()

    def submit(self, plan: str) -> "Scene":
        run = self.warm.stack.submit(self.agent, f"work {plan}")
        self.accepted[run["id"]] = {"session_id": run["session_id"], "plan": plan}
        return Scene(self.warm, run["id"], run["session_id"])


def _held(plan: str) -> Iterator[dict[str, Any]]:
    for rule in rules():
        if rule["when"]["user"] == f"^work {plan}$":
            yield {**rule, "reply": {**rule["reply"], "hold": FIRST}}
        elif rule["when"]["user"] == rf"\b{noted(plan, 1)}\b":
            yield {**rule, "reply": {**rule["reply"], "hold": SECOND}}


@dataclass
class Scene:
    """One run on its way to a boundary."""

    warm: WarmStack
    run_id: str
    session_id: str

    def row(self) -> dict[str, Any]:
        found: dict[str, Any] = self.warm.stack.get(f"/v1/runs/{self.run_id}")
        return found

    def kill_holder(self) -> None:
        pid = int(self.row()["worker_id"].split("-")[1])
        kill(next(worker for worker in self.warm.workers if worker.pid == pid))

    def release(self, *holds: str) -> None:
        for hold in holds:
            self.warm.stack.model.release(hold)

    def asked(self) -> tuple[int, int]:
        """Requests of the model in the first and in the second turn, those that were cut off too."""
        bodies = [one["body"] for one in self.warm.stack.model.requests() if one["path"] == "/v1/chat/completions"]
        users = Counter(sum(message["role"] == "user" for message in body["messages"]) for body in bodies)
        return users[1], users[2]

    def until_asked(self, *, turn: int) -> None:
        until(lambda: self.asked()[turn], within_s=WITHIN_S, why=self.warm.logs)

    def until_effect(self) -> None:
        until(lambda: any(one.run_id == self.run_id for one in self.warm.ledger.effects), within_s=WITHIN_S)

    @contextmanager
    def locked(self) -> Iterator["psycopg.Connection[Any]"]:
        """Nobody can append to the session meanwhile."""
        with psycopg.connect(self.warm.stack.database_url) as connection:
            connection.execute("SELECT 1 FROM sessions WHERE id = %s FOR UPDATE", [self.session_id])
            yield connection

    def kill_blocked(self, connection: "psycopg.Connection[Any]") -> None:
        """Kill the worker that waits for the lock."""
        found: list[WarmChild] = []

        def is_there() -> bool:
            ports = {row[0] for row in connection.execute(BLOCKED)}
            found[:] = [worker for worker in self.warm.workers if ports & _ports(worker)]
            return bool(found)

        until(is_there, within_s=WITHIN_S, why=self.warm.logs)
        kill(found[0])

    def finish(self) -> dict[str, Any]:
        """Let it end, with a person at hand who looks into the ledger."""
        ended: dict[str, Any] = {}

        def over() -> bool:
            ended.update(self.row())
            self._settle()
            return ended["status"] in TERMINAL

        until(over, within_s=WITHIN_S, why=lambda: f"{ended}\n{self.warm.logs()}")
        return ended

    def _settle(self) -> None:
        for asked in self.warm.stack.get("/v1/approvals", status="pending", run_id=self.run_id)["items"]:
            happened = bool(self.warm.ledger.of(asked["call_id"]))
            ruling = {"decision": "happened", "answer": noted(**asked["arguments"])}
            self.warm.stack.post(
                f"/v1/approvals/{asked['id']}/decide", ruling if happened else {"decision": "run_again"}
            )


def _ports(worker: WarmChild) -> set[int]:
    return {one.laddr.port for one in psutil.Process(worker.pid).net_connections("tcp") if one.laddr}


def kill(worker: WarmChild) -> None:
    worker.kill()
    until(lambda: not worker.alive, within_s=WITHIN_S)


def before_the_claim_s_commit(scene: Scene) -> None:
    scene.release(FIRST, SECOND)
    with scene.locked() as connection:
        for worker in scene.warm.workers:
            worker.signal(signal.SIGCONT)
        scene.kill_blocked(connection)


def after_the_claim(scene: Scene) -> None:
    scene.until_asked(turn=0)
    scene.kill_holder()
    scene.release(FIRST, SECOND)


def while_the_model_streams(scene: Scene) -> None:
    scene.release(FIRST, SECOND)
    reader = Reader()
    with following(scene.warm.stack, scene.session_id, reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 30, within_s=WITHIN_S)
        scene.kill_holder()
        read_until(socket, reader, lambda: reader.ended, within_s=WITHIN_S)
    assert "message.restarted" not in reader.types
    assert list(reader.shown.values()) == list(reader.completed.values()) == [ANSWERS["r"]]


def after_the_model_s_answer_before_its_commit(scene: Scene) -> None:
    scene.until_asked(turn=0)
    with scene.locked() as connection:
        scene.release(FIRST, SECOND)
        scene.kill_blocked(connection)


def after_the_commit_before_the_tool(scene: Scene) -> None:
    scene.warm.ledger.closed.set()
    scene.release(FIRST, SECOND)
    until(lambda: scene.warm.ledger.waiting, within_s=WITHIN_S, why=scene.warm.logs)
    scene.kill_holder()
    scene.warm.ledger.closed.clear()


def while_the_tool_runs(scene: Scene) -> None:
    scene.warm.ledger.holding.set()
    scene.release(FIRST, SECOND)
    scene.until_effect()
    scene.kill_holder()
    scene.warm.ledger.holding.clear()


def after_the_tool_before_its_commit(scene: Scene) -> None:
    scene.warm.ledger.holding.set()
    scene.release(FIRST, SECOND)
    scene.until_effect()
    with scene.locked() as connection:
        scene.warm.ledger.holding.clear()
        scene.kill_blocked(connection)


def after_the_tool_s_commit_before_the_next_step(scene: Scene) -> None:
    scene.release(FIRST)
    scene.until_asked(turn=1)
    scene.kill_holder()
    scene.release(SECOND)


def before_the_last_commit(scene: Scene) -> None:
    scene.release(FIRST)
    scene.until_asked(turn=1)
    with scene.locked() as connection:
        scene.release(SECOND)
        scene.kill_blocked(connection)


def after_the_last_commit_before_the_message_is_acknowledged(scene: Scene) -> None:
    valkey = scene.warm.stack.valkey
    assert valkey is not None
    scene.release(FIRST)
    scene.until_asked(turn=1)
    with valkey.frozen():
        scene.release(SECOND)
        until(lambda: scene.row()["status"] in TERMINAL, within_s=WITHIN_S, why=scene.warm.logs)
        scene.kill_holder()


@dataclass(frozen=True)
class Boundary:
    """Where the worker dies, and what that may cost: requests of the model by turn, claims, arrivals of the effect."""

    dies: Callable[[Scene], None]
    asked: tuple[int, int]
    generation: int = 2
    plan: str = "r"
    effects: int = 1

    def __str__(self) -> str:
        return f"{self.dies.__name__}-{self.plan}"


PARKED = 3  # the one who finds the doubt parks the run, and who goes on after the decision claims it anew
BOUNDARIES = [
    Boundary(before_the_claim_s_commit, (1, 1), generation=1),
    Boundary(after_the_claim, (2, 1)),
    Boundary(while_the_model_streams, (1, 2)),
    Boundary(after_the_model_s_answer_before_its_commit, (2, 1)),
    *[Boundary(after_the_commit_before_the_tool, (1, 1), plan=plan) for plan in "rp"],
    Boundary(after_the_commit_before_the_tool, (1, 1), plan="a", generation=PARKED),
    Boundary(while_the_tool_runs, (1, 1), plan="r", effects=2),
    Boundary(while_the_tool_runs, (1, 1), plan="p"),
    Boundary(while_the_tool_runs, (1, 1), plan="a", generation=PARKED),
    Boundary(after_the_tool_before_its_commit, (1, 1), plan="r", effects=2),
    Boundary(after_the_tool_before_its_commit, (1, 1), plan="p"),
    Boundary(after_the_tool_before_its_commit, (1, 1), plan="a", generation=PARKED),
    Boundary(after_the_tool_s_commit_before_the_next_step, (1, 2)),
    Boundary(before_the_last_commit, (1, 2)),
    Boundary(after_the_last_commit_before_the_message_is_acknowledged, (1, 1), generation=1),
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with open_warm_stack(tmp_path_factory.mktemp("field"), workers=2, apis=1, settings=SETTINGS) as warm:
        yield Field(warm, warm.stack.make_agent(plugins=list(TOOLS.values())))


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
def test_a_worker_dies_at_a_boundary_and_nothing_is_lost_or_repeated(opened: Field, boundary: Boundary) -> None:
    warm = opened.warm
    await_ready(*warm.workers)
    opened.script(boundary.plan)
    if boundary.dies is before_the_claim_s_commit:
        for worker in warm.workers:
            worker.signal(signal.SIGSTOP)
    scene = opened.submit(boundary.plan)
    boundary.dies(scene)
    ended = scene.finish()
    assert (ended["status"], ended["generation"]) == ("succeeded", boundary.generation)
    assert scene.asked() == boundary.asked
    assert sum(one.run_id == scene.run_id for one in warm.ledger.effects) == boundary.effects
    aftermath = Aftermath.read(warm.stack.database_url)
    assert check(aftermath, opened.accepted, warm.ledger.effects, [], ANSWERS).all == []
