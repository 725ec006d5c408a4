"""A worker dies in the middle of an answer: readers see every character once, whoever writes it."""

import os
import random
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from fixtures_stack import Stack, open_stack
from stream_reader import Reader, following, read_until

ANSWER = " ".join(f"word{number}" for number in range(60)) + ' and a "quoted" line\nwith an é'
SETTINGS = {
    "HORTUS_WORKER_LEASE_S": "60",  # only the lock tells of a death in time
    "HORTUS_WORKER_DRAIN_S": "6",  # of the quarter of a minute that the slower answer takes
}
pytestmark = pytest.mark.timeout(300)


def kill_holder(stack: Stack, run: dict[str, Any]) -> None:
    holder = stack.get(f"/v1/runs/{run['id']}")["worker_id"]
    os.kill(int(holder.split("-")[1]), signal.SIGKILL)


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Three workers to be killed."""
    with open_stack(tmp_path_factory.mktemp("stack"), workers=3, settings=SETTINGS) as opened:
        yield opened


@pytest.fixture
def stack_of_three(workers: Stack) -> Stack:
    """All three alive."""
    for worker in workers.workers:
        if not worker.alive:
            worker.start()
    return workers


@pytest.mark.parametrize("mode", ["constrained", "native"])
def test_the_next_worker_goes_on_where_readers_are(stack_of_three: Stack, mode: str) -> None:
    stack = stack_of_three
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    dice = random.Random(seed)
    said: dict[str, Any] = {"text": ANSWER} if mode == "native" else {"json": {"answer": ANSWER}}
    reply = {**said, "tokens_per_s": 25}
    # Nobody ends the first two answers: however late it is killed, a worker is in mid-answer.
    unending = [{"reply": {**reply, "hold": "for ever", "stall_at_token": at}, "times": 1} for at in (25, 38)]
    stack.model.script(*unending, {"reply": reply})
    run = stack.submit(stack.make_agent(tool_mode=mode))
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        for share in (0.1 + 0.2 * dice.random(), 0.4 + 0.2 * dice.random()):
            read_until(socket, reader, lambda share=share: len(reader.text()) > share * len(ANSWER))
            kill_holder(stack, run)
        read_until(socket, reader, lambda: reader.ended)
    assert reader.types.count("run.started") == 3
    assert "message.restarted" not in reader.types
    (message,) = reader.completed
    assert reader.completed[message] == ANSWER == reader.shown[message]


@pytest.mark.parametrize(("tokens_per_s", "claims"), [(40, 1), (6, 2)], ids=["it can finish", "it cannot"])
def test_a_worker_told_to_stop_ends_its_answer_or_hands_it_over_without_losing_a_token(
    stack_of_three: Stack, tokens_per_s: int, claims: int
) -> None:
    stack = stack_of_three
    stack.model.script({"reply": {"json": {"answer": ANSWER}, "tokens_per_s": tokens_per_s}})
    run = stack.submit(stack.make_agent())
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 0.1 * len(ANSWER))
        pid = int(stack.get(f"/v1/runs/{run['id']}")["worker_id"].split("-")[1])
        worker = next(child for child in stack.workers if child.pid == pid)
        assert worker.stop() == 0
        stack.model.script({"reply": {"json": {"answer": ANSWER}}})
        read_until(socket, reader, lambda: reader.ended)
    assert reader.types.count("run.started") == claims
    assert "message.restarted" not in reader.types
    assert list(reader.shown.values()) == list(reader.completed.values()) == [ANSWER]


def test_a_reader_that_comes_back_in_between_sees_each_character_once(stack_of_three: Stack) -> None:
    stack = stack_of_three
    stack.model.script({"reply": {"json": {"answer": ANSWER}, "tokens_per_s": 25}})
    run = stack.submit(stack.make_agent())
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 50)
    kill_holder(stack, run)
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: reader.types.count("run.started") == 2)
        read_until(socket, reader, lambda: len(reader.text()) > 200)
    late = Reader()
    with following(stack, run["session_id"], late) as other, following(stack, run["session_id"], reader) as socket:
        read_until(other, late, lambda: late.ended)
        read_until(socket, reader, lambda: reader.ended)
    for one in (reader, late):
        assert list(one.shown.values()) == list(one.completed.values()) == [ANSWER]
    assert "message.restarted" not in reader.types


def test_where_the_model_cannot_go_on_readers_are_told_to_drop_the_text(stack_of_three: Stack) -> None:
    stack = stack_of_three
    stack.model.script({"reply": {"json": {"answer": ANSWER}, "tokens_per_s": 25}})
    run = stack.submit(stack.make_agent())
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 50)
        stack.model.script({"reply": {"json": {"answer": "something else"}}})  # which refuses the other beginning
        kill_holder(stack, run)
        read_until(socket, reader, lambda: reader.ended)
    assert reader.types.count("message.restarted") == 1
    assert list(reader.shown.values()) in ([], ["something else"]), "nothing of the dropped text is left"
    assert list(reader.completed.values()) == ["something else"]
