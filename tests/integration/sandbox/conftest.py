import asyncio
from collections.abc import AsyncIterator

import pytest

from hortus_agents.sandbox import Sandbox, TierName, TierReport, open_sandbox, probe_tiers


@pytest.fixture(scope="session")
def reports() -> tuple[TierReport, ...]:
    return asyncio.run(probe_tiers())


@pytest.fixture(params=["bubblewrap", "landlock"])
def tier(request: pytest.FixtureRequest, reports: tuple[TierReport, ...]) -> TierName:
    report = next(report for report in reports if report.tier == request.param)
    if not report.ok:
        pytest.skip(f"{report.tier} does not work here: {report.why}")
    return report.tier


@pytest.fixture
async def sandbox(tier: TierName) -> AsyncIterator[Sandbox]:
    opened = await open_sandbox(tier=tier, concurrency=1)
    yield opened
    await opened.aclose()
