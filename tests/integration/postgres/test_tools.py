"""Evolved tools: versions, the way to activation, counters."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from store_world import make_tool_version

from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.ports.tools import Replaced

PASSED = {"passed": True, "cases": []}
OK = {"passed": True}


async def propose(world, source="def f(): ...", *, call_id="c1", run=None, name="adder"):
    version = make_tool_version(world.tenant_id, run_id=run and run.id, call_id=call_id, source=source)
    async with world.store.system_transaction() as uow:
        return await uow.tools.propose(world.tenant_id, version=version, name=name)


async def activate(world, version, *, state="tested"):
    async with world.store.system_transaction() as uow:
        await uow.tools.record_test(world.tenant_id, version.id, state=state, report=PASSED)
        await uow.tools.record_gates(world.tenant_id, version.id, scan=OK, negative=OK)
        return await uow.tools.activate(world.tenant_id, version.id)


async def tool(world, key="adder"):
    async with world.store.system_transaction() as uow:
        return await uow.tools.get(world.tenant_id, key)


async def test_the_same_call_with_the_same_source_is_the_same_version(world):
    run = await world.submit()
    first = await propose(world, run=run)
    assert await propose(world, run=run) == first
    other_source = await propose(world, "def f(): return 1", run=run)
    other_call = await propose(world, run=run, call_id="c2")
    assert (first.version, other_source.version, other_call.version) == (1, 2, 3)
    assert first.tool_id == other_source.tool_id == other_call.tool_id
    async with world.store.system_transaction() as uow:
        assert [v.version for v in await uow.tools.version_of_call(world.tenant_id, run.id, "c1")] == [1, 2]
        assert [v.version for v in await uow.tools.list_versions(world.tenant_id, first.tool_id)] == [3, 2, 1]


async def test_parallel_proposals_of_one_call_are_one_version(world):
    run = await world.submit()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(propose(world, run=run)) for _ in range(5)]
    assert len({task.result().id for task in tasks}) == 1


async def test_a_proposal_keeps_what_it_says_and_starts_at_zero(world):
    run = await world.submit()
    asked = replace(make_tool_version(world.tenant_id, run_id=run.id, call_id="c"), uses=9, state="active", version=5)
    async with world.store.system_transaction() as uow:
        stored = await uow.tools.propose(world.tenant_id, version=asked, name="adder")
    assert stored == replace(asked, uses=0, state="proposed", version=1, created_at=stored.created_at)


async def test_only_what_passed_its_test_becomes_active(world):
    version = await propose(world)
    async with world.store.system_transaction() as uow:
        with pytest.raises(ConflictError):
            await uow.tools.activate(world.tenant_id, version.id)
    with pytest.raises(ConflictError):
        await activate(world, version, state="rejected")
    active = await activate(world, version)
    assert (active.state, active.test_report) == ("active", PASSED)
    assert (await tool(world)).active_version == 1
    assert await activate(world, version) == active


async def test_a_failed_activation_leaves_the_active_version_alone(world):
    first = await activate(world, await propose(world))
    second = await propose(world, "def f(): return 1")
    async with world.store.system_transaction() as uow:
        with pytest.raises(ConflictError):
            await uow.tools.activate(world.tenant_id, second.id)
    assert (await tool(world)).active_version == 1
    async with world.store.system_transaction() as uow:
        ((found, version),) = await uow.tools.active_versions(world.tenant_id, [second.id, first.id])
    assert (found.name, version.id) == ("adder", first.id)


async def test_a_new_active_version_replaces_the_old_which_can_come_back(world):
    first = await activate(world, await propose(world))
    second = await activate(world, await propose(world, "def f(): return 1"))
    async with world.store.system_transaction() as uow:
        assert (await uow.tools.get_version(world.tenant_id, first.id)).state == "tested"
        again = await uow.tools.activate(world.tenant_id, first.id)
        assert again.state == "active"
        assert (await uow.tools.get_version(world.tenant_id, second.id)).state == "tested"
    assert (await tool(world)).active_version == 1


async def test_parallel_activations_leave_one_active(world):
    versions = [await propose(world, f"def f(): return {n}") for n in range(4)]
    async with asyncio.TaskGroup() as group:
        for version in versions:
            group.create_task(activate(world, version))
    async with world.store.system_transaction() as uow:
        listed = await uow.tools.list_versions(world.tenant_id, versions[0].tool_id)
    (active,) = [version.version for version in listed if version.state == "active"]
    assert (await tool(world)).active_version == active


async def test_what_the_gates_say_and_a_persons_activation_take_turns(world):
    version = await propose(world)
    await activate(world, version)

    async def activate_again():
        async with world.store.system_transaction() as uow:
            return await uow.tools.activate(world.tenant_id, version.id)

    async with world.store.system_transaction() as uow:
        gated = await uow.tools.record_gates(world.tenant_id, version.id, scan=OK, negative=OK)
        by_hand = asyncio.create_task(activate_again())
        await asyncio.sleep(0.1)
        assert not by_hand.done()
        assert (await uow.tools.activate(world.tenant_id, gated.id)).state == "active"
    assert (await by_hand).state == "active"


async def test_a_disabled_tool_is_found_nowhere_and_a_repeated_test_does_not_revive_it(world):
    version = await activate(world, await propose(world))
    async with world.store.system_transaction() as uow:
        disabled = await uow.tools.set_state(world.tenant_id, version.id, state="disabled", reason="wrong sums")
        assert (disabled.state, disabled.state_reason) == ("disabled", "wrong sums")
        assert (await uow.tools.get(world.tenant_id, version.tool_id)).active_version is None
        assert await uow.tools.active_versions(world.tenant_id, [version.id]) == ()
        again = await uow.tools.record_test(world.tenant_id, version.id, state="tested", report=PASSED)
        assert again.state == "disabled"
        with pytest.raises(ConflictError):
            await uow.tools.activate(world.tenant_id, version.id)
        with pytest.raises(NotFoundError):
            await uow.tools.set_state(world.tenant_id, uuid4(), state="disabled", reason="?")


async def test_active_versions_come_in_the_order_asked_for(world):
    ids = [(await activate(world, await propose(world, name=f"t{n}"))).id for n in range(3)]
    async with world.store.system_transaction() as uow:
        for order in (ids, ids[::-1]):
            assert [v.id for _, v in await uow.tools.active_versions(world.tenant_id, order)] == order
        assert await uow.tools.active_versions(world.tenant_id, []) == ()


async def test_a_use_counts_once_for_each_call(world):
    run = await world.submit()
    version = await activate(world, await propose(world))
    for call_id, ok in (("a", True), ("a", True), ("b", False), ("b", True)):
        async with world.store.system_transaction() as uow:
            await uow.tools.record_use(world.tenant_id, version.id, run_id=run.id, call_id=call_id, ok=ok)
    async with world.store.system_transaction() as uow:
        counted = await uow.tools.get_version(world.tenant_id, version.id)
    assert (counted.uses, counted.failures) == (2, 1)


async def test_a_tool_outlives_the_session_it_came_from(world):
    run = await world.submit()
    version = await activate(world, await propose(world, run=run))
    await world.finish(await world.claim(run))
    async with world.store.system_transaction() as uow:
        await uow.sessions.delete(world.tenant_id, world.session.id)
        left = await uow.tools.get_version(world.tenant_id, version.id)
    assert left.state == "active"
    assert left.origin_run_id is None


@pytest.mark.parametrize(
    ("scan", "negative"),
    [(None, None), (OK, {"passed": False}), ({"passed": False}, OK), (OK, {"passed": "true, honestly"}), ({}, OK)],
)
async def test_without_every_gate_passed_nothing_becomes_active(world, scan, negative):
    version = await propose(world)
    async with world.store.system_transaction() as uow:
        await uow.tools.record_test(world.tenant_id, version.id, state="tested", report=PASSED)
        if scan is not None:
            await uow.tools.record_gates(world.tenant_id, version.id, scan=scan, negative=negative)
        with pytest.raises(ConflictError):
            await uow.tools.activate(world.tenant_id, version.id)
        assert (await uow.tools.get_version(world.tenant_id, version.id)).state == "tested"


async def test_what_replaces_a_version_says_what_becomes_of_it(world):
    first = await activate(world, await propose(world))
    second = await activate(world, await propose(world, "def f(): return 1"))
    async with world.store.system_transaction() as uow:
        back = await uow.tools.activate(world.tenant_id, first.id, replaced=Replaced("rolled_back", "wrong sums"))
        left = await uow.tools.get_version(world.tenant_id, second.id)
    assert (back.state, left.state, left.state_reason) == ("active", "rolled_back", "wrong sums")


async def test_a_state_cannot_be_set_to_active_past_the_gates(world):
    version = await propose(world)
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.tools.set_state(world.tenant_id, version.id, state="active", reason=None)


async def test_the_newest_version_that_waits_is_shown_with_its_tool(world):
    first = await propose(world)
    await propose(world, "def f(): return 1")
    async with world.store.system_transaction() as uow:
        await uow.tools.set_state(world.tenant_id, first.id, state="quarantined", reason="it declares network")
        assert (await uow.tools.get(world.tenant_id, "adder")).waiting_version == 1


async def test_pure_tools_come_in_by_themselves_unless_the_tenant_says_otherwise(world):
    async with world.store.system_transaction() as uow:
        assert await uow.tools.activates_pure(world.tenant_id)
        await uow.tools.set_activates_pure(world.tenant_id, activate_pure=False)
        assert not await uow.tools.activates_pure(world.tenant_id)
        await uow.tools.set_activates_pure(world.tenant_id, activate_pure=True)
        assert await uow.tools.activates_pure(world.tenant_id)
