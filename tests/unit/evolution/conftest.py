from collections.abc import AsyncIterator

import pytest

from hortus_agents.sandbox import Sandbox, open_sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = await open_sandbox()
    yield opened
    await opened.aclose()
