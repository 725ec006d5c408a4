"""The loop breaker: a run that goes in circles is ended with a reason, before it has burnt its budget."""

from dataclasses import dataclass

import orjson

from hortus_agents.events import RunFailed
from hortus_agents.loop.state import RunState
from hortus_agents.spec import LoopBreakerSpec

CODE = "loop_detected"
_SHOWN = 160  # characters of one call in the reason


@dataclass(frozen=True, slots=True)
class _Use:
    """A finished call: what was asked for, and what came of it."""

    call: str
    result: tuple[str, str]


def detect_loop(state: RunState, rules: LoopBreakerSpec) -> RunFailed | None:
    """The end of a run that goes in circles, or None.

    Two shapes count: one call that came to the same result `repeats` times in this run, and two calls that took turns
    `pairs` times just now, each with the same result every time. The same call several times in one step counts once.
    A call that was not run because it was a duplicate came to the result of the call that it repeats.
    """
    if not rules.enabled or state.pending:
        return None
    uses = _uses(state)
    if not uses:
        return None
    times = uses.count(uses[-1])
    if times >= rules.repeats:
        return _end(state, f"the same call came to the same result {times} times: {_shown(uses[-1])}")
    tail = uses[-2 * rules.pairs :]
    if len(tail) == 2 * rules.pairs and tail[0] != tail[1] and tail == tail[:2] * rules.pairs:
        reason = f"two calls took turns {rules.pairs} times without a new result"
        return _end(state, f"{reason}: {_shown(tail[0])} and {_shown(tail[1])}")
    return None


def _uses(state: RunState) -> list[_Use]:
    uses: list[_Use] = []
    results: dict[str, tuple[str, str]] = {}
    for step in state.steps:
        seen: set[str] = set()
        for record in step.calls:
            if record.result is None:
                continue
            arguments = orjson.dumps(record.call.arguments, option=orjson.OPT_SORT_KEYS).decode()
            call = f"{record.call.name}({arguments})"
            if record.result.outcome != "duplicate":
                results[call] = (record.result.outcome, record.result.content)
            if call not in seen:
                seen.add(call)
                uses.append(_Use(call, results.get(call, ("duplicate", ""))))
    return uses


def _shown(use: _Use) -> str:
    return use.call if len(use.call) <= _SHOWN else f"{use.call[:_SHOWN]}..."


def _end(state: RunState, message: str) -> RunFailed:
    return RunFailed(code=CODE, message=message, spent=state.spent)
