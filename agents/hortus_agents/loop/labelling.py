"""What a run has read, folded from its log; nothing that is read takes a mark away."""

from collections.abc import Iterable
from typing import Final

from hortus_agents import events as ev
from hortus_agents.events import EventPayload
from hortus_agents.labels import NOTHING_READ, UNKNOWN, USER, Label, RunLabels
from hortus_agents.messages import Message
from hortus_agents.spec import BUILTIN_TOOLS, AgentSpec
from hortus_agents.tools.fencing import fence
from hortus_agents.tools.memory import label_of_items

ANSWER: Final = Label(origin="agent", trust=1)
"""The label by itself of what an agent of this server writes; what its run has read makes it worse."""
SAID_LIMIT = 100_000  # characters of one message of a conversation
_OUTSIDE: Final = frozenset({"http_get"})


def after(labels: RunLabels, payload: EventPayload) -> RunLabels:
    """What the run has read once this event of its own is in its log."""
    match payload:
        case ev.MessageCreated():
            return _said(labels, payload)
        case ev.ToolFinished(origin="user", content=content, label=label) if label is None or not label.untrusted:
            return labels.hear(content)
        case ev.ToolFinished():
            return labels.read(label_of_result(payload))
        case ev.MemoryRecalled(low_confidence=False, items=items) if items:
            return labels.read(label_of_items(items))
        case ev.CapabilityActivated() | ev.CapabilityReused():
            return labels.read(payload.label or UNKNOWN)
        case ev.StepStarted():
            return _all(labels, payload.labels)
        case _:
            return labels


def overheard(labels: RunLabels, payload: EventPayload) -> RunLabels:
    """What the run has read once this of an earlier run stands in its history."""
    match payload:
        case ev.MessageCreated():
            return _said(labels, payload)
        case ev.MessageCompleted():
            return labels.read(payload.label or UNKNOWN)
        case ev.RunCancelled() | ev.RunBudgetExhausted() if payload.partial_output:
            return labels.read(payload.label or UNKNOWN)
        case _:
            return labels


def told_before(payload: EventPayload) -> Message | None:
    """What an earlier run left in the conversation; untrusted text comes back in its fence."""
    match payload:
        case ev.MessageCreated(content=content, label=label):
            return Message(role="user", content=said_text(content, label))
        case ev.MessageCompleted(content=content, label=label):
            return Message(role="assistant", content=_told(content, label))
        case ev.RunCancelled(partial_output=content, label=label) if content:
            return Message(role="assistant", content=_told(content, label))
        case ev.RunBudgetExhausted(partial_output=content, label=label) if content:
            return Message(role="assistant", content=_told(content, label))
        case _:
            return None


def said_text(content: str, label: Label | None) -> str:
    """A message as a model reads it: the user's own words as they are, somebody else's fenced."""
    return content if label is None or not label.untrusted else fence(label, content, limit=SAID_LIMIT)


def label_of_log(payloads: Iterable[EventPayload], spec: AgentSpec) -> Label:
    """The label of what a run leaves behind, out of its own events and its agent's definition."""
    labels = NOTHING_READ.read(label_of_definition(spec))
    for payload in payloads:
        labels = overheard(after(labels, payload), payload)
    return labels.mark(Label(origin="memory", trust=1))


def label_of_result(payload: ev.ToolFinished) -> Label:
    """Its own; of one from before labels were kept, what the server's own tools give is known, all else is not."""
    if payload.label is not None:
        return payload.label
    if payload.name in BUILTIN_TOOLS and payload.name not in _OUTSIDE:
        return Label(origin="tool", trust=1)
    return UNKNOWN.model_copy(update={"source": payload.name})


def label_of_definition(spec: AgentSpec) -> Label:
    """Of what the operator wrote into an agent."""
    return Label(origin="system", trust=2, sensitivity=spec.sensitivity, source="the agent's definition")


def _said(labels: RunLabels, payload: ev.MessageCreated) -> RunLabels:
    label = payload.label or USER
    read = labels.read(label)
    return read if label.untrusted else read.hear(payload.content)


def _told(content: str, label: Label | None) -> str:
    label = label or UNKNOWN
    return fence(label, content, limit=SAID_LIMIT, source="an earlier answer") if label.untrusted else content


def _all(labels: RunLabels, more: tuple[Label, ...]) -> RunLabels:
    for label in more:
        labels = labels.read(label)
    return labels
