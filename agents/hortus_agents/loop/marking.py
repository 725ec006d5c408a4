"""What a call of a run is judged by, and what enters a prompt without an event of its own."""

from dataclasses import replace

from hortus_agents.labels import Label, RunLabels
from hortus_agents.loop.labelling import ANSWER, label_of_definition
from hortus_agents.loop.state import RunState
from hortus_agents.spec import AgentSpec


def entering(state: RunState, spec: AgentSpec, described: tuple[Label, ...]) -> tuple[Label, ...]:
    """Marked text in the next prompt that no event of the run itself tells of; each is told once."""
    labels = state.labels
    found = [label for label in described if labels.read(label) is not labels]
    if not state.steps:
        inherited = labels.mark(ANSWER)
        found += [inherited] if inherited.untrusted or inherited.sensitivity else []
        own = label_of_definition(spec)
        found += [own] if own.sensitivity else []
    return tuple(found)


def labels_for(
    state: RunState, spec: AgentSpec, *, call_id: str | None = None, described: tuple[Label, ...] = ()
) -> RunLabels:
    """What a call is judged by: the run's labels, the operator's words, and whether a plan foresaw this call.

    A planner reads the names of tools: where somebody else `described` one, no plan is free of his words.
    """
    labels = state.labels.hear(spec.instructions)
    planned = None if state.plan is None or call_id is None else state.plan.planned(call_id)
    return replace(labels, planned=None if any(label.untrusted for label in described) else planned)
