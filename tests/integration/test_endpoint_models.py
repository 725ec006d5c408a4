"""The configured endpoints as runs, people and probes find them, over real scripted servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from hortus_agents.errors import ModelRejectedError, ModelUnavailableError
from hortus_agents.messages import ChatRequest, ChatResult, Message
from hortus_agents.models.openai_http import open_model_session
from hortus_agents.models.port import ChatModel
from hortus_agents.models.scripted import ScriptedModel
from hortus_server.adapters.endpoint import EndpointModels, ModelProbe
from hortus_server.domain.errors import UnavailableError
from hortus_server.model_settings import ModelRoute, ModelSettings, RouteEndpoint
from hortus_server.telemetry.endpoints import register_endpoint_metrics

SAYS = {"default": {"text": "one two"}}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_model_session() as opened:
        yield opened


@pytest.fixture
async def servers() -> AsyncIterator[list[ScriptedModel]]:
    async with AsyncExitStack() as exits:
        yield [await exits.enter_async_context(ScriptedModel(SAYS)) for _ in range(2)]


def route(*servers: ScriptedModel, **options: Any) -> ModelRoute:
    return ModelRoute(endpoints=tuple(RouteEndpoint(url=server.base_url) for server in servers), **options)


async def ask(model: ChatModel) -> str:
    request = ChatRequest(model=model.name, messages=(Message(role="user", content="hello"),))
    async with aclosing(model.stream(request)) as parts:  # type: ignore[type-var]
        async for part in parts:
            if isinstance(part, ChatResult):
                return part.text
    raise AssertionError("no result")


async def test_names_without_a_route_go_to_the_one_address(
    session: aiohttp.ClientSession, servers: list[ScriptedModel]
) -> None:
    one, two = servers
    models = EndpointModels(ModelSettings(url=one.base_url, routes={"qwen": route(two, tool_mode="native")}), session)
    default, qwen, other = [await models.get(name) for name in ("default", "qwen", "other")]
    assert [model.name for model in (default, qwen, other)] == ["scripted", "qwen", "other"]
    assert [model.tool_mode for model in (default, qwen, other)] == ["constrained", "native", "constrained"]
    assert [await ask(model) for model in (default, other, qwen)] == ["one two"] * 3
    assert [len(server.requests) for server in servers] == [2, 1]
    listed = await models.list()
    assert [(info.name, info.is_default) for info in listed] == [("qwen", False), ("scripted", True)]


async def test_with_routes_alone_the_first_is_the_default_and_others_are_unknown(
    session: aiohttp.ClientSession, servers: list[ScriptedModel]
) -> None:
    models = EndpointModels(ModelSettings(routes={"qwen": route(*servers), "llama": route(servers[0])}), session)
    assert (await models.get("default")).name == "qwen"
    with pytest.raises(ModelRejectedError, match="qwen, llama"):
        await models.get("gpt")
    assert [(status.url, status.models) for status in models.statuses()] == [
        (servers[0].base_url, ("qwen", "llama")),
        (servers[1].base_url, ("qwen",)),
    ]


async def test_a_default_that_only_its_endpoint_knows_is_asked_for_again(session: aiohttp.ClientSession) -> None:
    server = ScriptedModel(SAYS)
    await server.start()
    url, port = server.base_url, int(server.base_url.split(":")[2].split("/")[0])
    await server.stop()
    models = EndpointModels(ModelSettings(url=url), session)
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await ask(await models.get("default"))
    with pytest.raises(UnavailableError):
        await models.list()
    async with ScriptedModel(SAYS, port=port):
        assert await ask(await models.get("default")) == "one two"


async def test_models_of_one_address_share_its_circuit(
    session: aiohttp.ClientSession, servers: list[ScriptedModel]
) -> None:
    changes: list[str] = []
    models = EndpointModels(
        ModelSettings(routes={"a": route(servers[0]), "b": route(servers[0])}, breaker_failures=1), session
    )
    models.on_change = lambda: changes.append(models.statuses()[0].state)
    await servers[0].stop()
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await ask(await models.get("a"))
    with pytest.raises(ModelUnavailableError, match="is down since"):
        await ask(await models.get("b"))
    assert changes == ["open"]


async def test_the_probe_says_which_endpoints_answer(
    session: aiohttp.ClientSession, servers: list[ScriptedModel]
) -> None:
    probe = ModelProbe(EndpointModels(ModelSettings(routes={"qwen": route(*servers)}), session))
    assert await probe.check() == "serves qwen"
    await servers[1].stop()
    assert await probe.check() == f"1 of 2 endpoints answer; not: {servers[1].base_url}"
    await servers[0].stop()
    with pytest.raises(UnavailableError, match="no answer from"):
        await probe.check()


async def test_metrics_show_each_endpoint(session: aiohttp.ClientSession, servers: list[ScriptedModel]) -> None:
    models = EndpointModels(ModelSettings(routes={"qwen": route(servers[0])}, concurrency=7), session)
    await ask(await models.get("qwen"))
    registry = CollectorRegistry()
    remove = register_endpoint_metrics(registry, models.statuses)
    text = generate_latest(registry).decode()
    label = f'endpoint="{servers[0].base_url}"'
    assert f"hortus_model_endpoint_up{{{label}}} 1.0" in text
    assert f"hortus_model_endpoint_limit{{{label}}} 7.0" in text
    assert f'hortus_model_endpoint_requests_total{{{label},outcome="answered"}} 1.0' in text
    remove()
    assert generate_latest(registry) == b""


async def test_the_load_of_endpoints_in_use_is_followed(
    session: aiohttp.ClientSession, servers: list[ScriptedModel]
) -> None:
    held = {"models": ["qwen"], "default": {"text": "a b c", "hold": "gate", "stall_at_token": 1}}
    async with ScriptedModel(held) as busy:
        models = EndpointModels(ModelSettings(routes={"qwen": route(busy), "idle": route(servers[0])}), session)
        request = ChatRequest(model="qwen", messages=(Message(role="user", content="hello"),))
        async with models.watching(), aclosing((await models.get("qwen")).stream(request)) as parts:  # type: ignore[type-var]
            await anext(parts)
            while models.statuses()[0].running is None:
                await asyncio.sleep(0.05)
            assert [status.running for status in models.statuses()] == [1, None]
            for _ in range(50):  # turns of the loop, which both ends share, however long each takes
                await asyncio.sleep(0.01)
            await busy.stop()
            assert await (await models.get("qwen")).can_continue(), "it was asked while it was up"
