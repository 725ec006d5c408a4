"""Sensitivity that people give by hand, as workers obey it: the next call of a run under way is judged by it."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from agent_world import EchoTool
from execution_world import Office, answer, said, use
from store_world import World, make_memory

from hortus_agents.labels import Label, Sensitivity
from hortus_agents.tools.port import SideEffect, ToolDefinition
from hortus_agents.tools.rules import PolicyRules, Rule
from hortus_server.domain.audit import Actor
from hortus_server.domain.bounds import MOST
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import MemoryId
from hortus_server.domain.policies import PolicyDraft
from hortus_server.services.agent_memory import to_episode
from hortus_server.services.change_sensitivity import ChangeSensitivity, Raise

BY = Actor("user", "u", "Olga")
CONFIDENTIAL = Raise(2, "holds patients' names")
LET = Rule(name="send-it", tools=("send",), effect="allow")
TASK = "send hello"


@dataclass
class Send(EchoTool):
    """Reaches outside, and may do what the user said in so many words."""

    name: str = "send"
    side_effect: SideEffect = SideEffect.EXTERNAL

    @property
    def definition(self) -> ToolDefinition:
        return replace(super().definition, own_words=True)


async def office_of(world: World, *tools: EchoTool) -> Office:
    draft = PolicyDraft("house", "", None, PolicyRules(rules=(LET,)), "")
    async with world.store.transaction(world.tenant_id) as uow:
        await uow.policies.add(world.tenant_id, draft, by=BY)
    office = Office(world, tools)
    office.spec = office.spec.model_copy(update={"plugins": tuple(tool.name for tool in tools)})
    return office


def change_of(world: World) -> ChangeSensitivity:
    return ChangeSensitivity(world.store, world.tenant_id, BY)


def outcomes(log: list[Any]) -> list[tuple[str, str]]:
    return [(one.name, one.outcome) for one in said(log, "tool.finished")]


async def test_without_a_word_of_the_operator_the_users_own_words_go_out(world: World) -> None:
    page, send = EchoTool(name="page"), Send()
    office = await office_of(world, page, send)
    log = await office.work(await office.submit(TASK), use("page", text="x"), use("send", text="hello"), answer())
    assert outcomes(log) == [("page", "ok"), ("send", "ok")]


async def test_a_raised_tenant_holds_the_very_next_call_of_a_run_under_way(world: World) -> None:
    async def raise_it(_context: Any) -> None:
        await change_of(world).of_tenant(CONFIDENTIAL)

    page, send = EchoTool(name="page", before=raise_it), Send()
    office = await office_of(world, page, send)
    log = await office.work(await office.submit(TASK), use("page", text="x"), use("send", text="hello"), answer())
    (held,) = said(log, "approval.requested")
    assert "sensitive data (all of this tenant's data)" in held.reason
    assert send.calls == []


async def test_what_a_run_of_a_raised_tenant_leaves_behind_is_as_sensitive(world: World) -> None:
    await change_of(world).of_tenant(CONFIDENTIAL)
    office = await office_of(world, EchoTool(name="page"))
    log = await office.work(await office.submit(TASK), use("page", text="x"), answer())
    assert [label.sensitivity for step in said(log, "step.started") for label in step.labels] == [2]
    assert [one.label.sensitivity for one in said(log, "message.completed")] == [2]


@pytest.mark.parametrize(("level", "outcome"), [(1, [("page", "ok"), ("send", "ok")]), (2, [("page", "ok")])])
async def test_what_a_raised_tool_gives_back_counts(world: World, level: Sensitivity, outcome: Any) -> None:
    await change_of(world).of_tool("page", Raise(level, "an intranet"))
    page, send = EchoTool(name="page"), Send()
    office = await office_of(world, page, send)
    log = await office.work(await office.submit(TASK), use("page", text="x"), use("send", text="hello"), answer())
    assert outcomes(log) == outcome
    assert said(log, "tool.finished")[0].label.sensitivity == level


async def test_what_was_said_is_taken_back_and_labels_count_by_themselves(world: World) -> None:
    change = change_of(world)
    await change.of_tenant(CONFIDENTIAL)
    assert await change.of_tenant(Raise(0, "it was a test")) == ()
    page, send = EchoTool(name="page"), Send()
    office = await office_of(world, page, send)
    log = await office.work(await office.submit(TASK), use("page", text="x"), use("send", text="hello"), answer())
    assert outcomes(log) == [("page", "ok"), ("send", "ok")]
    async with world.store.transaction(world.tenant_id) as uow:
        entries = await uow.audit.read_after(world.tenant_id, 0, limit=50)
    told = [(one.action, one.actor.name, one.detail) for one in entries if one.action.startswith("sensitivity.")]
    assert told == [
        ("sensitivity.raised", "Olga", {"before": 0, "after": 2, "reason": "holds patients' names"}),
        ("sensitivity.lowered", "Olga", {"before": 2, "after": 0, "reason": "it was a test"}),
    ]


async def test_a_raised_memory_is_recalled_as_sensitive_and_never_below_its_label(world: World) -> None:
    run = await world.submit("x")
    known = Label(origin="memory", trust=1, sensitivity=1, source="a run")
    memory = replace(make_memory(run), label=known)
    async with world.store.transaction(world.tenant_id) as uow:
        await uow.memories.add(memory)
    change = change_of(world)
    raised = await change.of_memory(memory.id, CONFIDENTIAL)
    assert (raised.label, raised.sensitivity_floor, raised.counted_label.sensitivity) == (known, 2, 2)
    assert to_episode(raised).sensitivity == 2
    lowered = await change.of_memory(memory.id, Raise(0, "a mistake"))
    assert (lowered.sensitivity_floor, lowered.counted_label) == (None, known)
    with pytest.raises(NotFoundError):
        await change.of_memory(MemoryId(uuid4()), CONFIDENTIAL)


async def test_a_tenant_keeps_so_many_floors_and_says_what_to_do_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MOST, "sensitivity floors", 2)  # type: ignore[arg-type]
    change = change_of(world)
    results = await asyncio.gather(
        *(change.of_tool(f"tool_{number}", CONFIDENTIAL) for number in range(4)), return_exceptions=True
    )
    refused = [one for one in results if isinstance(one, ConflictError)]
    assert len(refused) == 2, "the bound is exact, however many come at once"
    assert "at most 2 sensitivity floors: take some back" in str(refused[0])
    assert len(await change.of_tool("tool_x", Raise(0, "nothing there"))) == 2
