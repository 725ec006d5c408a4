"""A commit that took effect, and whose answer the worker did not get, for the database went away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from agent_world import EchoTool
from execution_world import Office, answer, use

from hortus_server.domain.errors import UnavailableError
from hortus_server.services import run_log

AWAY = 2  # the lost answer, and the look for what became of it


@dataclass
class LosingStore:
    """Loses the answer to the commit that brings the first event of a type, and is away for a while then."""

    store: Any
    office: Office
    run: Any
    type: str
    away: int = AWAY

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @asynccontextmanager
    async def transaction(self, tenant_id: Any) -> AsyncIterator[Any]:
        lost = self.away < AWAY
        if lost and self.away:
            self.away -= 1
            raise UnavailableError("postgresql", "gone")
        async with self.store.transaction(tenant_id) as uow:
            yield uow
        if not lost and self.type in [event.type for event in await self.office.log(self.run)]:
            self.away -= 1
            raise UnavailableError("postgresql", "its answer got lost")


@pytest.mark.parametrize("type_", ["model.called", "tool.called", "tool.finished", "run.succeeded"])
async def test_what_was_committed_before_an_outage_is_not_committed_again(world, monkeypatch, type_):
    monkeypatch.setattr(run_log, "RETRY_S", 0.01)
    office = Office(world, [EchoTool()])
    run = await office.submit()
    losing = LosingStore(office.world.store, office, run, type_)
    worker = replace(office, world=replace(office.world, store=losing))
    await worker.work(run, use("echo", text="hi"), answer())
    assert not losing.away
    types = [event.type for event in await office.log(run)]
    assert types[-1] == "run.succeeded"
    assert [types.count(each) for each in ("model.called", "tool.called", "tool.finished")] == [2, 1, 1]
