"""Machines whose clocks differ from the database's."""

from datetime import timedelta

import pytest
from agent_world import EchoTool
from execution_world import SPEC, Office, answer, said, use

from hortus_agents.spec import ApprovalSpec
from hortus_server.ports.clock import utc_now

HOURS = timedelta(hours=2)


@pytest.mark.parametrize("ahead", [HOURS, -HOURS])
async def test_a_runs_time_is_the_databases(world, ahead):
    office = Office(world, [], clock=lambda: utc_now() + ahead)
    run = await office.submit()
    await office.work(run, answer())
    async with world.store.transaction(run.tenant_id) as uow:
        ended = await uow.runs.get(run.tenant_id, run.id)
    assert ended.status == "succeeded"
    assert ended.started_at <= ended.finished_at < ended.started_at + timedelta(minutes=1)
    times = [event.at for event in await office.log(run)]
    assert times == sorted(times)


async def test_a_person_has_the_time_that_was_granted_whatever_the_workers_clock_says(world):
    spec = SPEC.model_copy(update={"approval": ApprovalSpec(tools=("echo",), expires_s=60.0)})
    office = Office(world, [EchoTool()], spec=spec, clock=lambda: utc_now() - HOURS)
    run = await office.submit()
    asked = said(await office.work(run, use("echo", text="hi")), "approval.requested")
    async with world.store.transaction(run.tenant_id) as uow:
        approval = await uow.approvals.get(run.tenant_id, asked[0].approval_id)
    assert not approval.overdue
