"""Whatever fits or misses the published schema, no route answers 5xx, and every error is a problem document.

Bounded: a few examples per operation, from a fixed seed. `HORTUS_FUZZ_EXAMPLES=200 make fuzz` takes longer, from a seed
of its own; a failure prints the requests that led to it.
"""

import asyncio
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from backends import ListQueue, OneModel, OneWorker, WordIndex
from estate import MARK
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from serving import OPTIONS, cheap_passwords, lookup, serving

from hortus_agents.spec import AgentSpec
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.endpoint_reports import RedisEndpointReports
from hortus_server.adapters.redis.live import open_live
from hortus_server.adapters.redis.streams import open_streams
from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.adapters.webhook_sender import SenderBounds, open_webhook_sender
from hortus_server.api.app import create_app
from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.api.people import PeoplePorts
from hortus_server.services.issue_key import KeyDraft, add_key
from hortus_server.settings import DatabaseSettings

FUZZ = int(os.environ.get("HORTUS_FUZZ_EXAMPLES", "0"))
EXAMPLES = FUZZ or 8
CHAINS, STEPS = FUZZ or 48, 12
# Of chains that hypothesis compares: what the server kept of one looks to it like a strategy that changes.
TOGETHER = 8
SEED = random.randrange(1 << 32) if FUZZ else 20260
# Waiting, streaming and logging out are no matter of schemas.
SKIPPED = {"wait_for_run", "logout"}
# In a chain they would take the test's own key away, and everything after that would be refused.
ENDING = SKIPPED | {"revoke_key", "rotate_key"}


@dataclass
class Running:
    """A server in a thread of its own, with a key."""

    address: str
    key: str
    document: dict[str, Any]
    others: frozenset[str]  # texts and ids of another tenant's, which no answer may hold


@pytest.fixture
def running(database_settings: DatabaseSettings, valkey_url: str) -> Iterator[Running]:
    ready: list[Running] = []
    started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        store = await PostgresStore.open(database_settings)
        redis = connect_redis(valkey_url, timeout_s=2.0)
        async with (
            open_live(redis, timeout_s=2.0) as live,
            open_streams(redis, timeout_s=2.0, buffer=64) as streams,
            open_webhook_sender(SenderBounds(), lookup=lookup) as sender,
        ):
            async with store.system_transaction() as uow:
                first = await uow.tenants.ensure_tenant("operators")
                secret, _ = await uow.agents.add(first.id, name=MARK, description=MARK, spec=AgentSpec())
                session = await uow.sessions.add(first.id, agent_id=secret.id, title=MARK, metadata={"note": MARK})
                tenant = await uow.tenants.ensure_tenant("acme")
                issued = await add_key(uow, tenant.id, KeyDraft("test", ("admin",), None))
                await uow.agents.add(tenant.id, name="helper", description="", spec=AgentSpec())
            ports = EdgePorts(
                store, ListQueue(), live, streams, WordIndex(), OneWorker(), OneModel(),
                webhooks=sender, endpoint_reports=RedisEndpointReports(redis, 2.0),
                people=PeoplePorts(cheap_passwords()), sealer=KeyRing([new_key()]),
            )  # fmt: skip
            edge = make_edge(OPTIONS, ports)
            async with serving(edge) as (_, where):
                others = frozenset({MARK, str(first.id), str(secret.id), str(session.id)})
                ready.append(Running(where, issued.secret, create_app(edge).openapi(), others))
                started.set()
                await asyncio.to_thread(stop.wait)
        await redis.aclose()
        await store.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30)
    yield ready[0]
    stop.set()
    thread.join(30)


def check(answer: Any, operation: str) -> None:
    assert answer.status_code < 500, (operation, answer.status_code, answer.text[:500])
    assert answer.headers["x-request-id"]
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"], (operation, answer.status_code)
        assert answer.json()["status"] == answer.status_code


def exercise(running: Running, operation: Any, mode: GenerationMode) -> bool:
    """Send generated requests; False when nothing about the operation can be wrong."""

    def with_key(request: Any) -> Any:
        # Last of all: generated requests bend or leave out the key too, and then nothing else is looked at.
        request.headers["Authorization"] = f"Bearer {running.key}"
        return request

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        check(case.call(base_url=f"http://{running.address}", auth=with_key, timeout=10), operation.label)

    try:
        send()
    except Unsatisfiable:
        return False
    return True


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_generated_requests_find_no_server_error(running: Running, mode: GenerationMode):
    schema = schemathesis.openapi.from_dict(running.document)
    operations = [found.ok() for found in schema.get_all_operations()]
    wanted = [one for one in operations if one.definition.raw["operationId"] not in SKIPPED]
    exercised = [one for one in wanted if exercise(running, one, mode)]
    assert len(exercised) > len(wanted) / 2


def test_requests_that_follow_from_each_other_find_no_server_error_and_no_other_tenants_rows(running: Running):
    """Chains: what one answer says, ids above all, goes into the next request."""
    schema = schemathesis.openapi.from_dict(running.document).exclude(operation_id=sorted(ENDING))
    headers = {"Authorization": f"Bearer {running.key}"}
    answered: Counter[int] = Counter()
    reached: set[str] = set()

    class Chain(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            return {"base_url": f"http://{running.address}", "headers": headers, "timeout": 10}

        def validate_response(self, response: Any, case: schemathesis.Case, **_: Any) -> None:
            label = case.operation.label
            check(response, label)
            case.validate_response(response, checks=[response_schema_conformance, status_code_conformance])
            leaked = [text for text in running.others if text in response.text]
            assert leaked == [], (label, response.text[:500])
            answered[response.status_code // 100] += 1
            reached.add(label)

    options = settings(
        max_examples=TOGETHER,
        stateful_step_count=STEPS,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for part in range(CHAINS // TOGETHER):
        run_state_machine_as_test(seed(SEED + part)(Chain), settings=options)
    assert answered[2] > CHAINS, f"chains that mostly fail try little: {answered}"
    assert len(reached) > len(list(schema.get_all_operations())) / 3
