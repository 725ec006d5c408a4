"""What must hold once a storm has passed: the log, the ledger and what readers saw, against each other."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from ledger import Effect
from psycopg.rows import dict_row
from storm_clients import TERMINAL, Screen

RUNS = "SELECT id::text, session_id::text, status, generation, output FROM runs ORDER BY id"
SESSIONS = "SELECT id::text, last_seq FROM sessions"
EVENTS = """
SELECT session_id::text, seq, run_id::text, step, type, at, payload FROM events ORDER BY session_id, seq
"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Recovery:
    """How long a run stood still whose worker was killed."""

    run_id: str
    killed_at: float
    took_ms: float


@dataclass
class Findings:
    """What was found wrong, by kind, each with words that name it; all empty is a pass."""

    lost: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Everything, under its kind."""
        return [f"{kind}: {text}" for kind, texts in vars(self).items() for text in texts]


@dataclass(frozen=True)
class Aftermath:
    """Rows of the database after the drain."""

    runs: Sequence[Row]
    last_seqs: Mapping[str, int]
    events: Sequence[Row]

    @classmethod
    def read(cls, database_url: str) -> "Aftermath":
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            runs = connection.execute(RUNS).fetchall()
            last = {row["id"]: row["last_seq"] for row in connection.execute(SESSIONS)}
            return cls(runs, last, connection.execute(EVENTS).fetchall())

    def of_run(self, run_id: str) -> list[Row]:
        """A run's own events, in order."""
        return [row for row in self.events if row["run_id"] == run_id]


def check(
    aftermath: Aftermath,
    accepted: Mapping[str, Mapping[str, str]],
    effects: Sequence[Effect],
    screens: Sequence[Screen],
    answers: Mapping[str, str],
) -> Findings:
    """Compare everything with everything; `answers` holds what the model says at the end of each plan."""
    found = Findings()
    by_run: dict[str, list[Row]] = defaultdict(list)
    for row in aftermath.events:
        by_run[row["run_id"]].append(row)
    runs = {row["id"]: row for row in aftermath.runs}
    found.lost += [f"run {run_id} was accepted and is not there" for run_id in accepted.keys() - runs.keys()]
    found.unexpected += [f"run {run_id} is there and nobody was told" for run_id in runs.keys() - accepted.keys()]
    _check_sequences(aftermath, found)
    for run_id in accepted.keys() & runs.keys():
        plan = accepted[run_id]["plan"]
        _check_end(runs[run_id], by_run[run_id], answers[plan], found)
        _check_generations(runs[run_id], by_run[run_id], found)
        _check_calls(run_id, by_run[run_id], plan, found)
        _check_effects(run_id, plan, [effect for effect in effects if effect.run_id == run_id], found)
    found.unexpected += [f"an effect of unknown run {one.run_id}" for one in effects if one.run_id not in accepted]
    for screen in screens:
        found.readers += screen.faults
        last = aftermath.last_seqs[screen.session_id]
        if screen.cursor != last:
            found.readers.append(f"session {screen.session_id}: read up to {screen.cursor} of {last}")
    return found


def _check_sequences(aftermath: Aftermath, found: Findings) -> None:
    seqs: dict[str, list[int]] = defaultdict(list)
    for row in aftermath.events:
        seqs[row["session_id"]].append(row["seq"])
    for session_id, last in aftermath.last_seqs.items():
        if seqs[session_id] != list(range(1, last + 1)):
            found.log.append(f"session {session_id}: {len(seqs[session_id])} events up to {last}, not 1 to {last}")


def _check_end(run: Row, events: Sequence[Row], answer: str, found: Findings) -> None:
    ends = [row["type"] for row in events if row["type"] in TERMINAL]
    if not ends:
        found.lost.append(f"run {run['id']} is {run['status']} and did not end")
    elif len(ends) > 1 or events[-1]["type"] not in TERMINAL:
        found.log.append(f"run {run['id']} ended more than once, or went on: {ends}, then {events[-1]['type']}")
    elif run["status"] != "succeeded":
        found.unexpected.append(f"run {run['id']} {run['status']}: {events[-1]['payload']}")
    elif run["output"] != answer:
        found.unexpected.append(f"run {run['id']} answered {run['output']!r}")


def _check_generations(run: Row, events: Sequence[Row], found: Findings) -> None:
    started = [row["payload"]["generation"] for row in events if row["type"] == "run.started"]
    if started != list(range(1, run["generation"] + 1)):
        found.log.append(f"run {run['id']} of generation {run['generation']} was started as {started}")


def _check_calls(run_id: str, events: Sequence[Row], plan: str, found: Findings) -> None:
    """No finished model call or tool call is in the log twice, and no attempt goes untold."""
    thought = [row["step"] for row in events if row["type"] == "model.called"]
    if thought != list(range(1, len(plan) + 2)):
        found.repeated.append(f"run {run_id}, plan {plan}: model calls of steps {thought}")
    finished = Counter(row["payload"]["call_id"] for row in events if row["type"] == "tool.finished")
    called: dict[str, list[int]] = defaultdict(list)
    for row in events:
        if row["type"] == "tool.called":
            called[row["payload"]["call_id"]].append(row["payload"]["attempt"])
    if set(finished.values()) - {1} or finished.keys() != called.keys() or len(called) != len(plan):
        found.repeated.append(f"run {run_id}, plan {plan}: finished {dict(finished)}, called {dict(called)}")
    for call_id, attempts in called.items():
        if attempts != list(range(1, len(attempts) + 1)):
            found.log.append(f"run {run_id}: call {call_id} has the attempts {attempts}")


def _check_effects(run_id: str, plan: str, effects: Sequence[Effect], found: Findings) -> None:
    times: dict[int, list[Effect]] = defaultdict(list)
    for effect in effects:
        times[effect.n].append(effect)
    for number in range(1, len(plan) + 1):
        arrived = times.pop(number, [])
        if not arrived:
            found.lost.append(f"run {run_id}, plan {plan}: effect {number} never happened")
            continue
        if len({effect.call_id for effect in arrived}) > 1:
            found.duplicated.append(f"run {run_id}, plan {plan}: effect {number} under several ids: {arrived}")
        elif len(arrived) > 1 and arrived[0].tool != "note_rerun":
            found.duplicated.append(
                f"run {run_id}, plan {plan}: effect {number} happened {len(arrived)} times: {arrived}"
            )
    found.unexpected += [f"run {run_id}, plan {plan}: effects {list(times)}"] if times else []


def recoveries(aftermath: Aftermath, kills: Sequence[tuple[int, float]]) -> list[Recovery]:
    """For each run that a killed worker (pid, time) held: until the next event of that run."""
    by_run: dict[str, list[Row]] = defaultdict(list)
    for row in aftermath.events:
        if row["run_id"]:
            by_run[row["run_id"]].append(row)
    took = []
    for events in by_run.values():
        for pid, at in kills:
            before = [row for row in events if row["at"].timestamp() <= at]
            after = [row for row in events if row["at"].timestamp() > at]
            holder = next((row for row in reversed(before) if row["type"] in {"run.started", "run.waiting"}), None)
            if holder is None or not after or holder["type"] == "run.waiting" or before[-1]["type"] in TERMINAL:
                continue
            if holder["payload"]["worker_id"].split("-")[1] == str(pid):
                took.append(Recovery(events[0]["run_id"], at, (after[0]["at"].timestamp() - at) * 1000))
    return took
