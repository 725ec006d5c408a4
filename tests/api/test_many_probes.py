"""Readiness needs no credentials, so however many ask, the components are asked once at a time."""

import asyncio
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from serving import OPTIONS

from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.services import check_readiness


@dataclass
class SlowProbe:
    """Counts who is inside."""

    component: str = "broker"
    looks: int = 0
    inside: int = 0
    most: int = 0

    async def check(self) -> str:
        self.looks += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.02)
        self.inside -= 1
        return "answers"


async def test_a_flood_of_probes_shares_looks(
    app: FastAPI, http: httpx.AsyncClient, ports: EdgePorts, monkeypatch: pytest.MonkeyPatch
):
    # The machine may stand still for longer than a component may take to answer.
    monkeypatch.setattr(check_readiness, "PROBE_TIMEOUT_S", 60.0)
    probe = SlowProbe()
    ports = EdgePorts(ports.store, ports.queue, ports.live, ports.streams, probes=(probe,))
    app.state.edge = make_edge(OPTIONS, ports)
    answers = await asyncio.gather(*(http.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert (probe.most, probe.looks <= 4) == (1, True)
    looks = probe.looks
    await http.get("/readyz")
    assert probe.looks == looks + 1
