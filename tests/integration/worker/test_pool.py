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
        self.let_go = folder / "let-go"
        self.let_go.mkdir(exist_ok=True)
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

    def release(self, name: str = "all") -> None:
        """Let a waiting task end, or all that are there or come."""
        (self.let_go / name).touch()

    def notes(self, word: str) -> list[float]:
        lines = self.notes_file.read_text().splitlines()
        return [float(line.split()[0]) for line in lines if line.split(" ", 1)[1].startswith(word)]

    def until(self, condition: Callable[[], object], *, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert self.process.poll() is None or "closed" in self.notes_file.read_text(), "the worker died"
            assert time.monotonic() < deadline, self.notes_file.read_text()
            time.sleep(0.02)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
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
        worker.send("wait", f"task-{number}")
    worker.until(lambda: len(worker.notes("begin")) == 50)
    assert not worker.notes("end")
    worker.release()
    worker.until(lambda: len(worker.notes("end")) == 50)


def test_tasks_beyond_the_limit_stay_in_the_broker_until_a_slot_is_free(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    for number in range(63):
        worker.send("wait", f"task-{number:02}")
    worker.until(lambda: len(worker.notes("begin")) == 60)
    time.sleep(0.3)
    took_s = []
    for number in range(3):
        worker.release(f"task-{number:02}")
        worker.until(lambda number=number: len(worker.notes("begin")) > 60 + number)
        took_s.append(worker.notes("begin")[60 + number] - worker.notes("end")[number])
        assert took_s[-1] >= 0, "it had begun without a slot"
    assert min(took_s) < 0.5, "a free slot must wake the consumer"


def test_revoke_with_terminate_arrives_as_cancellation(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    task_id = worker.send("wait", "long")
    worker.until(lambda: worker.notes("begin long"))
    worker.client.control.revoke(task_id, terminate=True)
    worker.until(lambda: worker.notes("cancelled long"))
    worker.release()
    worker.send("wait", "after")
    worker.until(lambda: worker.notes("end after"))


def test_a_task_that_raises_leaves_its_slot_and_the_worker_alive(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    worker.release()
    for _ in range(70):
        worker.send("fail")
    worker.send("wait", "after")
    worker.until(lambda: worker.notes("end after"))
    worker.until(lambda: len(worker.notes("failing")) == 70)


def test_sigterm_lets_running_tasks_end_and_takes_no_new_ones(start: Callable[..., PoolWorker]) -> None:
    worker = start(drain_s=60)
    worker.send("wait", "short")
    worker.until(lambda: worker.notes("begin short"))
    worker.process.send_signal(signal.SIGTERM)
    worker.until(lambda: "Warm shutdown" in Path(worker.log.name).read_text())
    worker.send("wait", "late")
    time.sleep(0.3)
    worker.release()
    assert worker.process.wait(60) == 0
    assert worker.notes("end short")
    assert worker.notes("closed draining=True")
    assert not worker.notes("begin late")


def test_sigterm_cancels_what_outlives_the_drain_time(start: Callable[..., PoolWorker]) -> None:
    worker = start(drain_s=0.5)
    worker.send("wait", "long")
    worker.until(lambda: worker.notes("begin long"))
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(60) == 0
    assert worker.notes("cancelled long")


def test_a_wiped_broker_loses_messages_but_not_the_consumer(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    worker.release()
    worker.send("wait", "before")
    worker.until(lambda: worker.notes("end before"))
    with worker.client.connection() as connection:
        connection.default_channel.client.flushall()
    worker.send("wait", "after")
    worker.until(lambda: worker.notes("end after"))


def test_remote_control_drains_and_resumes(start: Callable[..., PoolWorker]) -> None:
    worker = start()
    worker.release()
    control = worker.client.control
    worker.until(lambda: control.broadcast("hortus_report", reply=True, limit=1, timeout=2))
    (report,) = control.broadcast("hortus_drain", destination=["pool@test"], reply=True, limit=1, timeout=60)
    assert report["pool@test"]["draining"] is True
    worker.send("wait", "while-drained")
    time.sleep(1.2)
    assert not worker.notes("begin")
    (report,) = control.broadcast("hortus_resume", destination=["pool@test"], reply=True, limit=1, timeout=60)
    assert sorted(report["pool@test"]["queues"]) == ["evolve", "maintenance", "memory", "runs"]
    worker.until(lambda: worker.notes("end while-drained"))
