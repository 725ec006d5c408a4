"""What a planner is asked: the user's own words and the tools' signatures, and nothing that anybody else wrote."""

import re
from typing import Final

from pydantic import TypeAdapter

from hortus_agents.loop.plan import MESSAGE, READER, REVISER, Plan
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import StepDeps
from hortus_agents.messages import ChatRequest, Message
from hortus_agents.tools.port import ToolDefinition
from hortus_agents.tools.signature import render_signature

PLAN: Final = TypeAdapter(Plan)
SHOWN = 4_000  # characters of a plan that a repair quotes
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RULES: Final = """\
Plan how to do what the user asks. You will see no result, so write down every step now. Reply with one JSON object:
{"steps": [...], "reply": "..."}
A step calls a tool: {"id": "a", "tool": NAME, "arguments": {...}}
or takes values out of what a call gave back: \
{"id": "b", "read": "a", "question": "...", "fields": {"title": "string", "price": "number"}}
Fields are string, number, integer or boolean. Use a value in later arguments and in reply as {b.title}; as the whole \
string it keeps its type. What these tools give back may be used as {a} without reading it: """


def callable_tools(deps: StepDeps) -> dict[str, ToolDefinition]:
    """Tools that a plan may call; a name that could be a sentence is none."""
    found = {spec.name: deps.tools.definition(spec.name) for spec in deps.tools.specs}
    return {
        name: definition
        for name, definition in found.items()
        if definition is not None
        and name not in {READER, REVISER}
        and all(_NAME.fullmatch(each) for each in (name, *definition.spec.parameters.get("properties", {})))
    }


def usable_as_is(definition: ToolDefinition) -> bool:
    """Whether what a tool gives back may be used without reading it in quarantine."""
    described = definition.described_by
    return definition.output is not None and not definition.output.untrusted and not (described and described.untrusted)


def plan_request(state: RunState, deps: StepDeps) -> ChatRequest:
    """The next try at a plan."""
    tools = callable_tools(deps)
    lines = "\n".join(f"- {_signature(definition)}" for definition in tools.values())
    usable = ", ".join(name for name, definition in tools.items() if usable_as_is(definition)) or "none"
    system = f"{deps.spec.instructions.strip()}\n\n{_RULES}{usable}.\nTools:\n{lines or 'none'}"
    return ChatRequest(
        model=deps.model.name,
        messages=(Message(role="system", content=system), *_asked(state)),
        json_schema=PLAN.json_schema(),
        max_tokens=deps.limits.completion_tokens,
        temperature=deps.spec.temperature,
        metadata={"run_id": str(state.run_id), "step": str(state.step + 1), "purpose": "plan"},
    )


def _signature(definition: ToolDefinition) -> str:
    """A tool whose description somebody else wrote has none here."""
    described = definition.described_by
    bare = described is not None and described.untrusted
    return render_signature(definition.spec.model_copy(update={"description": ""}) if bare else definition.spec)


def _asked(state: RunState) -> tuple[Message, ...]:
    """The user's own words, and nothing that anybody else said."""
    words = list(state.labels.words)
    foreign = state.message_label is not None and state.message_label.untrusted
    if foreign:
        words.append(f'Do your task with the message that came in. A step reads it with "read": "{MESSAGE}".')
    *earlier, request = words or [""]
    said = ["\n".join(["Earlier the user said:", *earlier])] if earlier else []
    messages = [Message(role="user", content="\n\n".join([*said, request]))]
    plan = state.plan
    if plan is not None and plan.problem is not None:
        messages.append(Message(role="assistant", content=plan.raw[:SHOWN]))
        messages.append(Message(role="user", content=f"That plan is not usable: {plan.problem}\nReply with another."))
    elif plan is not None and plan.revising:
        messages.append(Message(role="assistant", content=plan.plan.model_dump_json()[:SHOWN]))
        messages.append(Message(role="user", content="That plan could not go on. Plan another way."))
    return tuple(messages)
