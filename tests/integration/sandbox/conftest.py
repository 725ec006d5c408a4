import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from hortus_agents.sandbox import Sandbox, TierName, TierReport, probe_tiers
from hortus_agents.sandbox.gvisor import GVisorTier
from hortus_agents.sandbox.pool import JailPool
from hortus_agents.sandbox.tiers import BubblewrapTier, LandlockTier, Tier


@pytest.fixture(scope="session")
def reports() -> tuple[TierReport, ...]:
    return asyncio.run(probe_tiers())


@pytest.fixture(scope="session", params=["gvisor", "bubblewrap", "landlock"])
def tier(request: pytest.FixtureRequest, reports: tuple[TierReport, ...]) -> TierName:
    report = next(report for report in reports if report.tier == request.param)
    if not report.ok:
        pytest.skip(f"{report.tier} does not work here: {report.why}")
    return report.tier


@pytest.fixture(scope="session")
def make_tier(tier: TierName, reports: tuple[TierReport, ...]) -> Callable[[], Tier]:
    """The tier as the probe found it to hold."""
    if tier == "gvisor":
        found = next(report.how for report in reports if report.tier == tier)
        return lambda: GVisorTier(found.rpartition(" ")[2])
    return BubblewrapTier if tier == "bubblewrap" else LandlockTier


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(make_tier: Callable[[], Tier]) -> AsyncIterator[Sandbox]:
    """One pool for all tests of a tier; each call has a jail of its own all the same."""
    opened = JailPool(make_tier(), concurrency=2)
    yield opened
    await opened.aclose()
