"""What a person said about a tool, no run undoes by making one of the same name."""

from dataclasses import replace
from typing import Any

from agent_world import PASSED_GATES
from execution_world import Apart
from store_world import World
from test_tool_replays import REPORT, candidate

from hortus_agents.evolution.ports import Candidate, Proposer
from hortus_agents.labels import Label
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_server.domain.audit import SYSTEM
from hortus_server.services.capability_store import RowsAndCapabilityIndex
from hortus_server.services.change_tool import ChangeTool

TRUSTED, FOREIGN = Label(origin="agent", trust=1), Label(origin="agent", trust=0)


async def make(world: World, number: int, **changes: Any) -> tuple[str, str]:
    """What became of one more tool called `one`, each with a source of its own, made by a run of its own."""
    made: Candidate = replace(candidate(f"def one(): return {number} - {number - 1}"), **{"label": TRUSTED, **changes})
    library: Any = RowsAndCapabilityIndex(world.store, Apart(), Apart(), ConfidencePolicy())
    proposer = Proposer(world.tenant_id, world.agent.id, (await world.submit()).id, "c1")
    version = (await library.propose(proposer, made)).capability.version_id
    await library.record_test(proposer, version, REPORT)
    settled = await library.admit(proposer, version, PASSED_GATES)
    return settled.state, settled.reason


def people(world: World) -> ChangeTool:
    queue: Any = Apart()
    return ChangeTool(world.store, queue)


async def active(world: World) -> int | None:
    async with world.store.transaction(world.tenant_id) as uow:
        return (await uow.tools.get(world.tenant_id, "one")).active_version


async def test_a_better_version_of_a_runs_own_tool_takes_its_place(world: World) -> None:
    assert await make(world, 1) == ("active", "")
    assert await make(world, 2) == ("active", "")
    assert await active(world) == 2


async def test_a_tool_that_a_person_disabled_does_not_come_back_under_its_name(world: World) -> None:
    await make(world, 1)
    await people(world).disable(SYSTEM, world.tenant_id, key="one", reason="wrong")
    assert await make(world, 2) == ("quarantined", "version 1 of the same name was taken out of use by a person")
    assert await active(world) is None
    await people(world).enable(SYSTEM, world.tenant_id, key="one", version=2, reason="mended")
    assert await active(world) == 2


async def test_what_a_person_rolled_back_is_not_replaced_again(world: World) -> None:
    await make(world, 1)
    await make(world, 2)
    await people(world).roll_back(SYSTEM, world.tenant_id, key="one", version=None, reason="worse")
    assert (await make(world, 3))[0] == "quarantined"
    assert await active(world) == 1


async def test_a_tool_that_a_person_enabled_is_not_replaced_by_a_namesake(world: World) -> None:
    asking = candidate("def one(): return call_tool('calculate')", tools=("calculate",))
    assert (await make(world, 1, permissions=asking.permissions))[0] == "quarantined"
    await people(world).enable(SYSTEM, world.tenant_id, key="one", version=None, reason="seen")
    state, reason = await make(world, 2)
    assert (state, reason) == ("quarantined", "version 1 of the same name, which a person enabled, is in use")
    assert await active(world) == 1


async def test_a_tool_out_of_less_trusted_text_takes_no_place(world: World) -> None:
    await make(world, 1)
    assert (await make(world, 2, label=FOREIGN))[0] == "quarantined"
