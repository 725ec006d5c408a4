"""Tenants take turns for the sandbox's places."""

import asyncio

import pytest

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox import FairSandbox, open_sandbox


async def test_a_tenant_that_floods_the_sandbox_makes_another_wait_for_one_of_its_calls_and_no_more() -> None:
    sandbox = await open_sandbox(concurrency=1)
    fair = FairSandbox(sandbox, places=1)
    ended: list[str] = []
    under_way = asyncio.Event()

    async def call(tenant: str) -> None:
        await fair.of(tenant).run_script("import time\ntime.sleep(0.05)")
        ended.append(tenant)
        under_way.set()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(call("flood"))
            await under_way.wait()
            for _ in range(3):
                await call("other")
    finally:
        await sandbox.aclose()
    assert ended == ["flood", *["flood", "other"] * 3, *["flood"] * 4]


async def test_calls_that_wait_for_a_place_fail_when_the_sandbox_is_closed() -> None:
    sandbox = await open_sandbox(concurrency=1)
    fair = FairSandbox(sandbox, places=1)
    calls = [asyncio.create_task(fair.of("a").run_script("import time\ntime.sleep(5)")) for _ in range(3)]
    await asyncio.sleep(0.1)
    await sandbox.aclose()
    for call in calls:
        with pytest.raises(SandboxError, match="closed"):
            await call
