"""A worker dies at each boundary of a step: the next goes on at the exact next thing.

Nothing is timed: the worker stands at the boundary, held by the model, by the ledger, by a lock on the session's row
(which every commit of the run needs) or by a broker that does not answer, and is killed there. Its lease is long, so
that only its death tells the others.
"""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fixtures_stack import TERMINAL
from scenes import FIRST, SECOND, WITHIN_S, Field, Scene, kill
from stack_parts import freeze, until
from storm_checks import Aftermath, check
from storm_script import ANSWERS, TOOLS
from stream_reader import Reader, following, read_until
from warm_stack import await_ready, needs_own_services, open_warm_stack

SETTINGS = {"HORTUS_WORKER_LEASE_S": "60"}
LEASE_S = 5.0  # where a worker hangs
pytestmark = [pytest.mark.timeout(600), needs_own_services]


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
    # COMMIT is on its way with the claim, and with the answer: PostgreSQL finishes it for the dead worker.
    Boundary(before_the_claim_s_commit, (1, 1)),
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
    Boundary(before_the_last_commit, (1, 1), generation=1),
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
            freeze(worker.pid)
    scene = opened.submit(boundary.plan)
    boundary.dies(scene)
    ended = scene.finish()
    assert (ended["status"], ended["generation"]) == ("succeeded", boundary.generation)
    assert scene.asked() == boundary.asked
    assert sum(one.run_id == scene.run_id for one in warm.ledger.effects) == boundary.effects
    aftermath = Aftermath.read(warm.stack.database_url)
    assert check(aftermath, opened.accepted, warm.ledger.effects, [], ANSWERS).all == []


@pytest.fixture(scope="module")
def short_leases(opened: Field) -> Field:
    """A worker that hangs tells nobody: here its lease does, soon."""
    for worker in opened.warm.workers:
        worker.env["HORTUS_WORKER_LEASE_S"] = str(LEASE_S)
        kill(worker)
    await_ready(*opened.warm.workers)
    return opened


@pytest.mark.parametrize("plan", ["r", "p", "a"])
def test_a_worker_that_hung_before_its_effect_has_none_when_it_comes_back(short_leases: Field, plan: str) -> None:
    warm = short_leases.warm
    short_leases.script(plan)
    warm.ledger.closed.set()
    scene = short_leases.submit(plan)
    scene.release(FIRST, SECOND)
    until(lambda: warm.ledger.waiting, within_s=WITHIN_S, why=warm.logs)
    hung = scene.holder()
    freeze(hung.pid)
    warm.ledger.closed.clear()  # the door's answer waits for it in its socket
    assert scene.finish()["status"] == "succeeded"
    hung.signal(signal.SIGCONT)
    until(lambda: scene.lost_by(hung), within_s=WITHIN_S, why=warm.logs)
    assert sum(one.run_id == scene.run_id for one in warm.ledger.effects) == 1
    aftermath = Aftermath.read(warm.stack.database_url)
    assert check(aftermath, short_leases.accepted, warm.ledger.effects, [], ANSWERS).all == []


def test_a_worker_that_hung_in_mid_answer_shows_nothing_more_when_it_comes_back(short_leases: Field) -> None:
    stack = short_leases.warm.stack
    words = " ".join(f"word{number}" for number in range(40))
    reply = {"json": {"answer": words}, "tokens_per_s": 20}
    # The first never ends: however late its worker is frozen, it is in mid-answer.
    endless = {**reply, "hold": FIRST, "stall_at_token": 30}
    stack.model.script({"reply": endless, "times": 1}, {"reply": {**reply, "hold": SECOND}})
    stack.model.forget()
    run = stack.submit(stack.make_agent())
    scene = Scene(short_leases.warm, run["id"], run["session_id"])
    reader = Reader()  # which fails at a snapshot that takes a character back
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 60, within_s=WITHIN_S)
        hung = scene.holder()
        freeze(hung.pid)
        stack.model.until_requests(2, within_s=WITHIN_S)  # the next one goes on from what readers have
        time.sleep(LEASE_S / 2)  # the last third of a lease is not told by the clock of the one who hung
        hung.signal(signal.SIGCONT)
        until(lambda: scene.lost_by(hung), within_s=WITHIN_S, why=short_leases.warm.logs)
        scene.release(SECOND)
        read_until(socket, reader, lambda: reader.ended, within_s=WITHIN_S)
    assert reader.types.count("run.started") == 2
    assert "message.restarted" not in reader.types
    assert list(reader.shown.values()) == list(reader.completed.values()) == [words]
