"""Policies over a real database, as workers obey them: changes take effect on runs under way, rates hold everywhere."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from agent_world import EchoTool
from execution_world import SPEC, Office, answer, said, use
from store_world import PageOf, World

from hortus_agents.messages import ToolSpec
from hortus_agents.sandbox import open_sandbox
from hortus_agents.tools.builtin.python import PythonTool
from hortus_agents.tools.port import SideEffect, ToolDefinition, ToolOutput
from hortus_agents.tools.rules import PolicyRules, RateLimit, Rule
from hortus_server.domain.audit import EVERY_ENTRY, Actor
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.policies import Policy, PolicyDraft, RateUse
from hortus_server.ports.store import Store
from hortus_server.services.load_policies import LoadPolicies
from hortus_server.services.purge_history import PurgeHistory

BY = Actor("key", "k", "ops")
FORBID = Rule(name="no-echo", tools=("echo",), from_class=1, effect="deny", reason="not today")


AT_MOST_100 = {"properties": {"amount": {"exclusiveMaximum": 100}}}


class Pay:
    """Keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    @property
    def definition(self) -> ToolDefinition:
        parameters = {"type": "object", "properties": {"amount": {"type": "number"}}}
        return ToolDefinition(ToolSpec(name="pay", description="Pays.", parameters=parameters), SideEffect.EXTERNAL)

    async def call(self, arguments: Any, _context: Any) -> ToolOutput:
        self.calls.append(arguments)
        return ToolOutput("paid")


async def write(world: World, *rules: Rule, agent: bool = False, name: str = "house") -> Policy:
    draft = PolicyDraft(name, "", world.agent.id if agent else None, PolicyRules(rules=rules), "because")
    async with world.store.transaction(world.tenant_id) as uow:
        policy, _ = await uow.policies.add(world.tenant_id, draft, by=BY)
    return policy


async def rewrite(world: World, policy: Policy, *rules: Rule) -> None:
    async with world.store.transaction(world.tenant_id) as uow:
        await uow.policies.add_version(world.tenant_id, policy.id, PolicyRules(rules=rules), comment="", by=BY)


def outcomes(payloads: list[Any]) -> list[tuple[str, str]]:
    return [(one.name, one.outcome) for one in said(payloads, "tool.finished")]


async def test_a_call_that_a_rule_denies_is_not_made_and_the_log_names_the_rule(world: World) -> None:
    policy = await write(world, FORBID)
    tool = EchoTool(side_effect=SideEffect.EXTERNAL)
    office = Office(world, [tool])
    log = await office.work(await office.submit(), use("echo", text="hi"), answer())
    (decided,) = said(log, "policy.decided")
    assert (decided.effect, decided.rule, decided.policy_id, decided.policy_version, decided.reason) == (
        "deny", "no-echo", policy.id, 1, "not today",
    )  # fmt: skip
    assert outcomes(log) == [("echo", "denied")]
    assert (tool.calls, log[-1].type) == ([], "run.succeeded")


async def test_a_changed_policy_holds_for_the_very_next_call_of_a_run_under_way(world: World) -> None:
    policy = await write(world)

    async def change(_context: Any) -> None:
        await rewrite(world, policy, FORBID)

    tool = EchoTool(side_effect=SideEffect.SCRATCH, before=change)
    office = Office(world, [tool])
    run = await office.submit()
    log = await office.work(run, use("echo", text="one"), use("echo", text="two"), answer())
    assert outcomes(log) == [("echo", "ok"), ("echo", "denied")]
    assert [text for _, text in tool.calls] == ["one"]
    assert [(one.effect, one.policy_version) for one in said(log, "policy.decided")] == [("deny", 2)]
    assert len(said(log, "model.called")) == 3


@pytest.mark.parametrize("number", ["NaN", "-1e999", "-1" + "0" * 400, "-1" + "0" * 30], ids=lambda text: text[:9])
async def test_a_number_that_the_log_cannot_hold_gets_past_no_rule_and_breaks_nothing(
    world: World, number: str
) -> None:
    await write(world, Rule(name="small", tools=("pay",), effect="approve", arguments=AT_MOST_100))
    pay = Pay()
    office = Office(world, [pay], spec=SPEC.model_copy(update={"plugins": ("pay",)}))
    run = await office.submit()
    log = await office.work(run, f'{{"tool": "pay", "arguments": {{"amount": {number}}}}}', answer())
    assert pay.calls == []
    assert log[-1].type in {"run.succeeded", "run.waiting"}


async def test_an_agent_s_policy_comes_before_its_tenant_s(world: World) -> None:
    await write(world, FORBID)
    await write(world, Rule(name="mine", tools=("echo",), effect="allow"), agent=True, name="own")
    office = Office(world, [EchoTool(side_effect=SideEffect.EXTERNAL)])
    log = await office.work(await office.submit(), use("echo", text="hi"), answer())
    assert outcomes(log) == [("echo", "ok")]
    assert [(one.effect, one.policy, one.rule) for one in said(log, "policy.decided")] == [("allow", "own", "mine")]


async def test_a_rate_holds_across_workers_and_a_refused_call_says_when_there_is_room(world: World) -> None:
    limited = Rule(name="few", tools=("echo",), effect="allow", rate=RateLimit(calls=3, window_s=3600))
    await write(world, limited)
    tool = EchoTool(side_effect=SideEffect.SCRATCH)
    offices = [Office(world, [tool]) for _ in range(4)]
    runs = [(office, await office.submit()) for office in offices]
    script = [use("echo", text="a"), use("echo", text="b"), answer()]
    async with asyncio.TaskGroup() as group:
        for place, (office, run) in enumerate(runs):
            group.create_task(office.work(run, *script, worker=f"w{place}"))
    logs = [[event.payload for event in await office.log(run)] for office, run in runs]
    assert sum(found == ("echo", "ok") for log in logs for found in outcomes(log)) == 3
    assert len(tool.calls) == 3
    refused = [one for log in logs for one in said(log, "policy.decided") if one.effect == "deny"]
    assert len(refused) == 5
    assert all(one.rule == "few" and "room again in 3" in one.reason for one in refused)
    assert all(log[-1].type == "run.succeeded" for log in logs)


async def test_code_whose_calls_use_a_rate_up_is_told_so_and_goes_on(world: World) -> None:
    await write(world, Rule(name="few", tools=("echo",), effect="allow", rate=RateLimit(calls=2, window_s=3600)))
    tool, sandbox = EchoTool(side_effect=SideEffect.SCRATCH), await open_sandbox(concurrency=1)
    code = """
for n in range(3):
    try:
        print(call_tool('echo', text=str(n)))
    except Exception as error:
        print(error)
"""
    office = Office(world, [tool, PythonTool(sandbox)], spec=SPEC.model_copy(update={"plugins": ("echo", "python")}))
    try:
        log = await office.work(await office.submit(), use("python", code=code), answer())
    finally:
        await sandbox.aclose()
    assert outcomes(log) == [("echo", "ok"), ("echo", "ok"), ("echo", "denied"), ("python", "ok")]
    assert "room again in 3" in said(log, "tool.finished")[-1].content
    assert [one.rule for one in said(log, "policy.decided")] == ["few"]
    assert (len(tool.calls), log[-1].type) == (2, "run.succeeded")


async def test_a_rate_survives_restarts_and_counts_for_its_own_subject(world: World) -> None:
    each = RateLimit(calls=1, window_s=3600, per="session")
    await write(world, Rule(name="once", tools=("echo",), effect="allow", rate=each))
    for _ in range(2):  # another session, and another process each time
        office = Office(world, [EchoTool(side_effect=SideEffect.SCRATCH)])
        run = await office.submit()
        log = await office.work(run, use("echo", text="a"), use("echo", text="b"), answer())
        assert outcomes(log) == [("echo", "ok"), ("echo", "denied")]


class NoPolicyStore:
    """A store whose policies alone do not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self, tenant_id: TenantId | None = None) -> Any:
        raise UnavailableError("policies", f"no answer for {tenant_id}")


@pytest.mark.parametrize(("reach", "outcome"), [(0, "ok"), (1, "denied"), (2, "denied"), (3, "denied")])
async def test_without_the_policy_store_nothing_but_reads_happens(world: World, reach: int, outcome: str) -> None:
    tool = EchoTool(side_effect=SideEffect(reach))
    office = Office(world, [tool], policies={"w1": LoadPolicies(NoPolicyStore(world.store))})
    log = await office.work(await office.submit(), use("echo", text="hi"), answer())
    assert outcomes(log) == [("echo", outcome)]
    assert len(tool.calls) == (outcome == "ok")
    assert log[-1].type == "run.succeeded"


async def test_rules_that_this_server_does_not_understand_count_as_none_readable(world: World) -> None:
    policy = await write(world, FORBID)
    async with world.store.transaction(world.tenant_id) as uow:
        connection = uow.policies._sql._messages._connection
        await connection.execute(
            'UPDATE policy_versions SET rules = \'[{"name": "new", "effect": "ponder"}]\' WHERE policy_id = %s',
            (policy.id,),
        )
    tool = EchoTool(side_effect=SideEffect.SCRATCH)
    office = Office(world, [tool])
    log = await office.work(await office.submit(), use("echo", text="hi"), answer())
    assert [one.rule for one in said(log, "policy.decided")] == ["policies-unavailable"]
    assert tool.calls == []


async def test_the_audit_log_names_the_rule_that_denied_or_held_a_call(world: World) -> None:
    ask = Rule(name="ask-first", tools=("other",), effect="approve", persons=2)
    await write(world, FORBID, ask)
    tools = [EchoTool(name=name, side_effect=SideEffect.EXTERNAL) for name in ("echo", "other")]
    office = Office(world, tools, spec=SPEC.model_copy(update={"plugins": ("echo", "other")}))
    await office.work(await office.submit(), use("echo", text="a"), use("other", text="b"))
    async with world.store.transaction(world.tenant_id) as uow:
        entries = (await uow.audit.list(world.tenant_id, PageOf(), which=EVERY_ENTRY)).items
    told = [
        (one.action, one.subject, json.loads(one.detail_json)["rule"])
        for one in entries
        if one.action.startswith("tool.")
    ]
    assert told == [
        ("tool.held", "tool:other", "house/ask-first (version 1)"),
        ("tool.denied", "tool:echo", "house/no-echo (version 1)"),
    ]


async def test_counters_that_nobody_used_for_longer_than_a_window_are_forgotten(world: World) -> None:
    policy = await write(world)
    use_of = RateUse(policy.id, "few", world.tenant_id, RateLimit(calls=1, window_s=60))
    async with world.store.transaction(world.tenant_id) as uow:
        assert await uow.rulings.use_rate(world.tenant_id, use_of) is None
        assert 55 < (await uow.rulings.use_rate(world.tenant_id, use_of) or 0) <= 60
    purge = PurgeHistory(world.store, timedelta(days=1), timedelta(days=1))
    await purge()
    async with world.store.transaction(world.tenant_id) as uow:
        assert await uow.rulings.use_rate(world.tenant_id, use_of)
    await replace(purge, rates_kept=timedelta(seconds=-1))()
    async with world.store.transaction(world.tenant_id) as uow:
        assert await uow.rulings.use_rate(world.tenant_id, use_of) is None
