"""A circuit's life, on a clock that the test sets."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from hortus_agents.models.circuit import Circuit, CircuitRules, Ticket

RULES = CircuitRules(failures=3, open_s=2.0, max_open_s=5.0)


@dataclass
class Clock:
    now: float = 100.0
    jitter: float = 0.0
    states: list[str] = field(default_factory=list)

    def circuit(self) -> Circuit:
        return Circuit(
            RULES,
            clock=lambda: self.now,
            wall=lambda: datetime(2026, 11, 2, tzinfo=UTC) + timedelta(seconds=self.now),
            jitter=lambda: self.jitter,
            on_change=lambda circuit: self.states.append(circuit.state),
        )


def entered(circuit: Circuit) -> Ticket:
    ticket = circuit.enter()
    assert ticket is not None
    return ticket


def opened(clock: Clock) -> Circuit:
    circuit = clock.circuit()
    for _ in range(RULES.failures):
        circuit.fail(entered(circuit), "refused")
    return circuit


def test_failures_in_a_row_open_it() -> None:
    clock = Clock()
    circuit = clock.circuit()
    for _ in range(2):
        circuit.fail(entered(circuit), "refused")
    assert circuit.state == "closed"
    circuit.fail(entered(circuit), "refused again")
    assert circuit.state == "open"
    assert circuit.enter() is None
    assert circuit.last_error == "refused again"


def test_an_answer_in_between_breaks_the_row() -> None:
    circuit = Clock().circuit()
    for _ in range(10):
        circuit.fail(entered(circuit), "refused")
        circuit.fail(entered(circuit), "refused")
        circuit.succeed(entered(circuit))
    assert circuit.state == "closed"


def test_a_first_event_alone_does_not_break_the_row() -> None:
    circuit = Clock().circuit()
    for _ in range(3):
        ticket = entered(circuit)
        circuit.alive(ticket)
        circuit.fail(ticket, "lost in mid-stream")
    assert circuit.state == "open"


def test_one_probe_at_a_time_once_its_time_has_come() -> None:
    clock = Clock()
    circuit = opened(clock)
    assert circuit.retry_in_s() == 2.0
    clock.now += 1.9
    assert circuit.enter() is None
    clock.now += 0.2
    probe = entered(circuit)
    assert (probe.probe, circuit.state, circuit.enter()) == (True, "half_open", None)
    circuit.alive(probe)
    assert circuit.state == "closed"
    assert clock.states == ["open", "half_open", "closed"]


def test_failed_probes_wait_longer_each_time_up_to_a_bound() -> None:
    clock = Clock()
    circuit = opened(clock)
    waits = []
    for _ in range(4):
        waits.append(circuit.retry_in_s())
        clock.now += waits[-1]
        circuit.fail(entered(circuit), "refused")
    assert waits == [2.0, 4.0, 5.0, 5.0]
    clock.now += 5.0
    circuit.succeed(entered(circuit))
    for _ in range(3):
        circuit.fail(entered(circuit), "refused")
    assert circuit.retry_in_s() == 2.0


def test_chance_spreads_the_probes() -> None:
    clock = Clock(jitter=0.5)
    assert opened(clock).retry_in_s() == pytest.approx(2.5)


def test_outcomes_from_before_the_last_change_count_for_nothing() -> None:
    clock = Clock()
    circuit = clock.circuit()
    late = entered(circuit)
    for _ in range(3):
        circuit.fail(entered(circuit), "refused")
    circuit.fail(late, "late")
    circuit.alive(late)
    assert (circuit.state, circuit.last_error, circuit.retry_in_s()) == ("open", "refused", 2.0)


def test_a_probe_that_was_cut_off_leaves_its_place_to_the_next() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 2.0
    circuit.abandon(entered(circuit))
    assert circuit.state == "open"
    assert entered(circuit).probe


def test_it_is_down_since_it_opened_first() -> None:
    clock = Clock()
    circuit = opened(clock)
    since = circuit.since
    for _ in range(3):
        clock.now += 6.0
        circuit.fail(entered(circuit), "refused")
    assert circuit.since == since
    clock.now += 6.0
    circuit.succeed(entered(circuit))
    assert circuit.since > since


def test_a_probe_that_begins_to_answer_and_breaks_off_is_a_failure_of_the_closed_circuit() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += RULES.open_s
    probe = entered(circuit)
    circuit.alive(probe)
    assert (circuit.state, circuit.failures) == ("closed", 0)
    circuit.fail(probe, "lost")
    assert (circuit.state, circuit.failures) == ("closed", 1)
    for _ in range(RULES.failures - 1):
        circuit.fail(entered(circuit), "lost")
    assert circuit.state == "open"
