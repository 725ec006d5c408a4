"""One run on its way to a boundary of a step, and what it takes to hold a worker there."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
from fixtures_stack import TERMINAL
from ledger_tools import noted
from stack_parts import until
from storm_script import rules
from warm_processes import WarmChild
from warm_stack import WarmStack

WITHIN_S = 60.0  # a busy machine
BLOCKED = "SELECT client_port FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
FIRST, SECOND = "first turn", "second turn"


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

    def holder(self) -> WarmChild:
        pid = int(self.row()["worker_id"].split("-")[1])
        return next(worker for worker in self.warm.workers if worker.pid == pid)

    def lost_by(self, worker: WarmChild) -> bool:
        """Whether this worker has said that the run is another's."""
        return any(self.run_id in line and '"lost"' in line for line in worker.text().splitlines())

    def kill_holder(self) -> None:
        kill(self.holder())

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
        """Kill the worker that waits for the lock, not one that waits for that worker."""
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
