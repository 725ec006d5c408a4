"""One model behind several real endpoints: affinity, failover, circuits, saturation, bounds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest

from hortus_agents.errors import ModelRejectedError, ModelUnavailableError
from hortus_agents.messages import ChatRequest, ChatResult, Message, TextDelta
from hortus_agents.models.backend import Backend, BackendBounds
from hortus_agents.models.circuit import Circuit, CircuitRules
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel, open_model_session
from hortus_agents.models.routed import Replica, RoutedModel, by_affinity
from hortus_agents.models.scripted import ScriptedModel
from hortus_agents.models.scripted.script import script_from

REQUEST = ChatRequest(model="qwen", messages=(Message(role="user", content="hello"),))
SAYS_OK: Mapping[str, Any] = {"default": {"text": "one two three four"}}
DOWN: Mapping[str, Any] = {"default": {"error": {"status": 503}}}


@dataclass
class Pool:
    """Scripted endpoints, all of them the model `qwen`; the circuits' clock is the test's."""

    exits: AsyncExitStack
    session: aiohttp.ClientSession
    now: float = 0.0
    chunk_timeout_s: float = 30.0
    servers: dict[str, ScriptedModel] = field(default_factory=dict)
    replicas: list[Replica] = field(default_factory=list)

    async def add(self, script: Mapping[str, Any], *, served: str = "qwen", **bounds: Any) -> ScriptedModel:
        server = await self.exits.enter_async_context(ScriptedModel(script))
        self.servers[server.base_url] = server
        self.attach(server.base_url, served=served, **bounds)
        return server

    def attach(self, url: str, *, served: str = "qwen", **bounds: Any) -> None:
        circuit = Circuit(CircuitRules(failures=2, open_s=5.0), clock=lambda: self.now, jitter=lambda: 0.0)
        backend = Backend(url, BackendBounds(**bounds), circuit, clock=lambda: self.now)
        endpoint = ModelEndpoint(served, url, continues="vllm", chunk_timeout_s=self.chunk_timeout_s)
        self.replicas.append(Replica(backend, OpenAIChatModel(endpoint, self.session)))

    def model(self, affinity: str = "session") -> RoutedModel:
        return RoutedModel("qwen", "native", self.replicas, affinity=affinity)

    def preferred(self, affinity: str = "session") -> list[Replica]:
        return list(by_affinity(self.replicas, affinity))

    def server_of(self, replica: Replica) -> ScriptedModel:
        return self.servers[replica.backend.url]

    def script(self, replica: Replica, script: Mapping[str, Any]) -> None:
        self.server_of(replica).load(script_from(script, source="test"))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with AsyncExitStack() as exits:
        session = await exits.enter_async_context(open_model_session())
        yield Pool(exits, session)


async def ask(model: RoutedModel, request: ChatRequest = REQUEST) -> str:
    return (await result(model, request)).text


async def result(model: RoutedModel, request: ChatRequest = REQUEST) -> ChatResult:
    async with aclosing(model.stream(request)) as parts:
        async for part in parts:
            if isinstance(part, ChatResult):
                return part
    raise AssertionError("no result")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_session_keeps_to_one_endpoint_and_sessions_spread(pool: Pool) -> None:
    for _ in range(3):
        await pool.add(SAYS_OK)
    for number in range(20):
        for _ in range(3):
            await ask(pool.model(f"session-{number}"))
    for number in range(20):
        assert pool.preferred(f"session-{number}") == pool.preferred(f"session-{number}")
    counts = [len(server.requests) for server in pool.servers.values()]
    assert sum(counts) == 60
    assert all(count % 3 == 0 and count > 0 for count in counts)


async def test_only_the_sessions_of_a_lost_endpoint_move(pool: Pool) -> None:
    for port in range(1, 5):
        pool.attach(f"http://10.0.0.{port}/v1")
    lost = pool.replicas[0]
    left = pool.replicas[1:]
    moved = 0
    for number in range(200):
        key = f"session-{number}"
        before, after = by_affinity(pool.replicas, key)[0], by_affinity(left, key)[0]
        moved += before is lost
        assert before in {lost, after}
    assert 20 < moved < 90


async def test_the_next_endpoint_answers_where_the_first_fails(pool: Pool) -> None:
    await pool.add(SAYS_OK)
    await pool.add(SAYS_OK)
    first, second = pool.preferred()
    pool.script(first, DOWN)
    assert await ask(pool.model()) == "one two three four"
    assert first.backend.status().failed == second.backend.status().answered == 1


async def test_a_begun_answer_goes_on_where_the_outage_is_older(pool: Pool) -> None:
    """Its own endpoint broke off just now; the other one, which nobody has asked since, may be back."""
    await pool.add(DOWN)
    await pool.add(DOWN)
    first, second = pool.preferred()
    for replica in (second, first):
        for _ in range(2):
            ticket = replica.backend.circuit.enter()
            assert ticket is not None
            replica.backend.circuit.fail(ticket, "lost")
        pool.now += 1.0
    pool.now += 10.0
    for replica in (first, second):
        pool.script(replica, SAYS_OK)
    await ask(pool.model(), REQUEST.model_copy(update={"continue_text": "one two"}))
    assert (first.backend.status().answered, second.backend.status().answered) == (0, 1)


async def test_an_open_circuit_is_left_alone_until_a_single_probe_closes_it(pool: Pool) -> None:
    await pool.add(SAYS_OK)
    await pool.add(SAYS_OK)
    first, _second = pool.preferred()
    pool.script(first, DOWN)
    for _ in range(5):
        await ask(pool.model())
    assert first.backend.circuit.state == "open"
    assert len(pool.server_of(first).requests) == 2
    pool.script(first, {"default": {"text": "back again", "hold": "gate"}})
    pool.now += 5
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(pool.model())) for _ in range(4)]
        await pool.server_of(first).until_held("gate")
        await until(lambda: sum(task.done() for task in asked) == 3)
        assert first.backend.circuit.state == "half_open"
        pool.server_of(first).release("gate")
    assert sorted(task.result() for task in asked) == ["back again"] + ["one two three four"] * 3
    assert first.backend.circuit.state == "closed"
    assert await ask(pool.model()) == "back again", "the session is home again"


async def test_a_429_is_saturation_and_no_failure(pool: Pool) -> None:
    await pool.add(SAYS_OK)
    await pool.add(SAYS_OK)
    first, _ = pool.preferred()
    pool.script(first, {"default": {"error": {"status": 429, "retry_after": 7}}})
    for _ in range(5):
        assert await ask(pool.model()) == "one two three four"
    assert first.backend.circuit.state == "closed"
    assert first.backend.status().refused == len(pool.server_of(first).requests) == 1
    pool.script(first, {"default": {"text": "room"}})
    pool.now += 7
    assert await ask(pool.model()) == "room"


async def test_a_503_beside_answers_that_stream_is_saturation_too(pool: Pool) -> None:
    server = await pool.add({
        "rules": [{"when": {"user": "hello"}, "reply": {"text": "a b c", "hold": "gate", "stall_at_token": 1}}],
        "default": {"error": {"status": 503}},
    })  # fmt: skip
    other = REQUEST.model_copy(update={"messages": (Message(role="user", content="other"),)})
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(pool.model()))
        await server.until_held("gate")
        backend = pool.replicas[0].backend
        await until(lambda: backend.circuit.alive_at is not None)
        for _ in range(4):
            with pytest.raises(ModelUnavailableError):
                await ask(pool.model(), other)
            pool.now += 1
        assert (backend.circuit.state, backend.status().refused) == ("closed", 4)
        server.release("gate")
    for _ in range(2):
        with pytest.raises(ModelUnavailableError):
            await ask(pool.model(), other)
    assert backend.circuit.state == "open", "nothing streams: it is not full but broken"


async def test_a_503_that_names_a_time_is_saturation(pool: Pool) -> None:
    await pool.add({"default": {"error": {"status": 503, "retry_after": 4}}})
    with pytest.raises(ModelUnavailableError):
        await ask(pool.model())
    assert pool.replicas[0].backend.overloaded_for_s() == 4


async def test_with_all_of_them_down_the_error_says_when_to_come_back(pool: Pool) -> None:
    await pool.add(DOWN)
    await pool.add({"default": {"error": {"status": 429, "retry_after": 3}}})
    for _ in range(2):
        with pytest.raises(ModelUnavailableError):
            await ask(pool.model())
        pool.now += 3
    with pytest.raises(ModelUnavailableError):  # the one that is full says so once more
        await ask(pool.model())
    with pytest.raises(ModelUnavailableError, match=r"takes requests.*(is down since|asked for no more)") as raised:
        await ask(pool.model())
    assert raised.value.retry_after_s == pytest.approx(2.0, abs=0.01)


async def test_a_hung_endpoint_is_noticed_and_left(pool: Pool) -> None:
    pool.chunk_timeout_s = 0.3
    await pool.add({"default": {"text": "a b c d", "stall_s": 30, "stall_at_token": 2}})
    model = pool.model()
    for _ in range(2):
        with pytest.raises(Exception, match=r"nothing within 0\.3 s"):
            await ask(model)
    assert pool.replicas[0].backend.circuit.state == "open"


async def test_a_loss_behind_text_that_was_given_out_is_the_callers(pool: Pool) -> None:
    await pool.add(SAYS_OK)
    await pool.add(SAYS_OK)
    first, second = pool.preferred()
    pool.script(first, {"default": {"text": "one two three four", "disconnect_after": 2}})
    seen: list[str] = []

    async def read() -> None:
        async with aclosing(pool.model().stream(REQUEST)) as parts:
            async for part in parts:
                assert isinstance(part, TextDelta)
                seen.append(part.text)

    with pytest.raises(ModelUnavailableError):
        await read()
    assert "".join(seen) == "one two"
    assert not pool.server_of(second).requests
    assert first.backend.status().failed == 1


async def test_a_refused_request_goes_nowhere_else(pool: Pool) -> None:
    await pool.add({"default": {"error": {"status": 400}}})
    await pool.add({"default": {"error": {"status": 400}}})
    for _ in range(5):
        with pytest.raises(ModelRejectedError):
            await ask(pool.model())
    assert sorted(len(server.requests) for server in pool.servers.values()) == [0, 5]
    assert {replica.backend.circuit.state for replica in pool.replicas} == {"closed"}


async def test_a_full_endpoint_lends_its_sessions_to_the_next(pool: Pool) -> None:
    held = {"default": {"text": "held", "hold": "gate"}}
    await pool.add(held, concurrency=1)
    await pool.add(held, concurrency=1)
    first, second = pool.preferred()
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(pool.model()))
        await pool.server_of(first).until_held("gate")
        group.create_task(ask(pool.model()))
        await pool.server_of(second).until_held("gate")
        third = group.create_task(ask(pool.model()))
        await until(lambda: first.backend.slots.waiting == 1)
        pool.server_of(first).release("gate")
        assert await third == "held"
        pool.server_of(second).release("gate")
    assert len(pool.server_of(first).requests) == 2
    assert first.backend.slots.taken == second.backend.slots.taken == 0


async def test_waiting_for_a_full_endpoint_ends(pool: Pool) -> None:
    server = await pool.add({"default": {"text": "held", "hold": "gate"}}, concurrency=1, queue_s=0.05)
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(pool.model()))
        await server.until_held("gate")
        with pytest.raises(ModelUnavailableError, match="no slot"):
            await ask(pool.model())
        server.release("gate")
    assert pool.replicas[0].backend.circuit.state == "closed"


async def test_a_reader_that_leaves_gives_its_slot_and_its_probe_back(pool: Pool) -> None:
    server = await pool.add(DOWN)
    for _ in range(2):
        with pytest.raises(ModelUnavailableError):
            await ask(pool.model())
    pool.script(pool.replicas[0], {"default": {"text": "held", "hold": "gate"}})
    pool.now += 5
    probe = asyncio.create_task(ask(pool.model()))
    await server.until_held("gate")
    probe.cancel()
    await asyncio.wait([probe])
    server.release("gate")
    assert await ask(pool.model()) == "held"
    assert pool.replicas[0].backend.slots.taken == 0


async def test_each_endpoint_is_asked_for_the_name_that_it_serves(pool: Pool) -> None:
    server = await pool.add({"models": ["qwen-awq"], **SAYS_OK}, served="qwen-awq")
    assert (await result(pool.model())).model == "qwen-awq"
    assert server.requests[0].body["model"] == "qwen-awq"
    assert pool.model().name == "qwen"


async def test_the_bound_follows_what_the_endpoint_reports(pool: Pool) -> None:
    server = await pool.add({"default": {"text": "a " * 60, "hold": "gate", "stall_at_token": 1}}, concurrency=3)
    backend = pool.replicas[0].backend
    backend.bounds = replace(backend.bounds, metrics_url=f"{server.root_url}/metrics")
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(ask(pool.model()))
        await server.until_held("gate", count=3)
        await backend.look(pool.session, None)
        assert backend.status().load is not None
        assert backend.slots.limit == 4, "all slots are used and nothing waits at the endpoint"
        server.release("gate")
    await server.stop()
    await backend.look(pool.session, None)
    assert (backend.load, backend.slots.limit) == (None, 3)


async def test_an_endpoint_without_metrics_keeps_its_static_bound_and_is_seldom_asked(pool: Pool) -> None:
    server = await pool.add(SAYS_OK, concurrency=3)
    backend = pool.replicas[0].backend
    backend.bounds = replace(backend.bounds, metrics_url=f"{server.root_url}/nothing/here")
    await backend.look(pool.session, None)
    backend.bounds = replace(backend.bounds, metrics_url=f"{server.root_url}/metrics")
    await backend.look(pool.session, None)
    assert backend.load is None
    pool.now += 60
    await backend.look(pool.session, None)
    assert backend.load is not None


def test_credentials_of_an_address_are_not_shown() -> None:
    backend = Backend("http://user:secret@host:8000/v1", BackendBounds(), Circuit(CircuitRules()))
    assert backend.status().url == "http://host:8000/v1"
