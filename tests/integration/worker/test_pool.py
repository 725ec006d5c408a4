"""The pools inside a real Celery worker process over a real Valkey server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery

TASKS = Path(__file__).with_name("pool_tasks.py")


class PoolWorker:
    def __init__(self, broker_url: str, folder: Path, *, pool: str = "asyncio", drain_s: float = 5.0) -> None:
        self.notes_file = folder / "notes"
        self.notes_file.touch()
        self.log = (folder / "worker.log").open("wb")
        self.client = Celery("client", broker=broker_url, set_as_current=False)
        self.process = subprocess.Popen(
            [sys.executable, str(TASKS), broker_url, pool, str(drain_s)],
            env={**os.environ, "NOTES": str(self.notes_file)},
            stdout=self.log,
            stderr=self.log,
        )
        self.until(lambda: self.notes("opened"))

    def send(self, name: str, *args: object) -> str:
        return str(self.client.send_task(name, args, queue="runs", ignore_result=True).id)

    def notes(self, word: str) -> list[float]:
        lines = self.notes_file.read_text().splitlines()
        return [float(line.split()[0]) for line in lines if line.split(" ", 1)[1].startswith(word)]

    def until(self, condition: Callable[[], object], *, within_s: float = 20.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert self.process.poll() is None or "closed" in self.notes_file.read_text(), "the worker died"
            assert time.monotonic() < deadline, self.notes_file.read_text()
            time.sleep(0.02)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.client.close()
        self.log.close()


@pytest.fixture
def start(broker_url: str, tmp_path: Path) -> Iterator[Callable[..., PoolWorker]]:
    workers: list[PoolWorker] = []

    def begin(**options: object) -> PoolWorker:
        workers.append(PoolWorker(broker_url, tmp_path, **options))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.close()


@pytest.mark.parametrize("pool", ["asyncio", "threads"])
def test_fifty_waiting_tasks_overlap(start: Callable[..., PoolWorker], pool: str) -> None:
    worker = start(pool=pool)
    for number in range(50):
        worker.send("wait", 1.5, f"task-{number}")
    worker.until(lambda: len(worker.notes("end")) == 50)
    assert max(worker.notes("begin")) < min(worker.notes("end"))


def test_tasks_beyond_the_limit_stay_in_the_broker_until_a_slot_is_free(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    for number in range(61):
        worker.send("wait", 1.5, f"task-{number}")
    worker.until(lambda: len(worker.notes("end")) == 61)
    begun = worker.notes("begin")
    assert begun[59] < min(worker.notes("end")) <= begun[60]
    assert begun[60] - min(worker.notes("end")) < 0.5, "a free slot must wake the consumer"


def test_revoke_with_terminate_arrives_as_cancellation(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    task_id = worker.send("wait", 60, "long")
    worker.until(lambda: worker.notes("begin long"))
    worker.client.control.revoke(task_id, terminate=True)
    worker.until(lambda: worker.notes("cancelled long"), within_s=3)
    worker.send("wait", 0, "after")
    worker.until(lambda: worker.notes("end after"), within_s=5)


def test_a_task_that_raises_leaves_its_slot_and_the_worker_alive(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    for _ in range(70):
        worker.send("fail")
    worker.send("wait", 0, "after")
    worker.until(lambda: worker.notes("end after"))
    assert len(worker.notes("failing")) == 70


def test_sigterm_lets_running_tasks_end_and_takes_no_new_ones(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    worker.send("wait", 1.5, "short")
    worker.until(lambda: worker.notes("begin short"))
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    worker.send("wait", 0, "late")
    assert worker.process.wait(10) == 0
    assert worker.notes("end short")
    assert worker.notes("closed draining=True")
    assert not worker.notes("begin late")


def test_sigterm_cancels_what_outlives_the_drain_time(start: Callable[..., PoolWorker]) -> None:
    worker = start(drain_s=0.5)
    worker.send("wait", 60, "long")
    worker.until(lambda: worker.notes("begin long"))
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(10) == 0
    assert time.monotonic() - began < 4
    assert worker.notes("cancelled long")


def test_a_wiped_broker_loses_messages_but_not_the_consumer(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    worker.send("wait", 0, "before")
    worker.until(lambda: worker.notes("end before"))
    with worker.client.connection() as connection:
        connection.default_channel.client.flushall()
    worker.send("wait", 0, "after")
    worker.until(lambda: worker.notes("end after"), within_s=5)


def test_remote_control_drains_and_resumes(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    control = worker.client.control
    worker.until(lambda: control.broadcast("hortus_report", reply=True, limit=1, timeout=2))
    (report,) = control.broadcast("hortus_drain", destination=["pool@test"], reply=True, limit=1, timeout=5)
    assert report["pool@test"]["draining"] is True
    worker.send("wait", 0, "while-drained")
    time.sleep(1.2)
    assert not worker.notes("begin")
    (report,) = control.broadcast("hortus_resume", destination=["pool@test"], reply=True, limit=1, timeout=5)
    assert sorted(report["pool@test"]["queues"]) == ["evolve", "maintenance", "memory", "runs"]
    worker.until(lambda: worker.notes("end while-drained"), within_s=5)
