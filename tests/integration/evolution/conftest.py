from collections.abc import AsyncIterator

import pytest_asyncio

from hortus_agents.sandbox import Sandbox, open_sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = await open_sandbox()
    yield opened
    await opened.aclose()
