"""What every ChatModel endpoint must do: run over the scripted model, and over a real one when its URL is given.

`HORTUS_TEST_MODEL_URL` (with `/v1`), optionally `HORTUS_TEST_MODEL_NAME` (else the first one listed) and
`HORTUS_TEST_MODEL_API_KEY`.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import jsonschema
import orjson
import pytest
from pydantic import SecretStr

from hortus_agents.errors import ModelError, ModelRejectedError, ModelUnavailableError
from hortus_agents.messages import ChatRequest, ChatResult, Message, TextDelta
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.models.port import ChatModel
from hortus_agents.models.scripted import ScriptedModel
from hortus_agents.models.structured import ask_json, complete

MODEL_URL = os.environ.get("HORTUS_TEST_MODEL_URL")
MODEL_NAME = os.environ.get("HORTUS_TEST_MODEL_NAME")
MODEL_KEY = os.environ.get("HORTUS_TEST_MODEL_API_KEY")

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"],
    "additionalProperties": False,
}
SCRIPT = {
    "models": ["scripted"],
    "rules": [
        {"when": {"guided": True}, "reply": {"json": {"city": "Paris", "country": "France"}}},
        {"when": {"user": "^Count"}, "reply": {"text": "one two three ", "repeat": 300, "tokens_per_s": 60}},
    ],
    "default": {"text": "The capital of France is Paris."},
}


@pytest.fixture(params=["scripted", pytest.param("real", marks=pytest.mark.realmodel)])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[OpenAIChatModel]:
    if request.param == "scripted":
        async with ScriptedModel(SCRIPT) as server, connected(server.base_url, "scripted") as scripted:
            yield scripted
        return
    if MODEL_URL is None:
        pytest.skip("HORTUS_TEST_MODEL_URL is not set")
    name = MODEL_NAME
    if name is None:
        async with connected(MODEL_URL, "unnamed") as asking:
            name = (await asking.list_models())[0]
    async with connected(MODEL_URL, name) as real:
        yield real


def connected(url: str, name: str) -> OpenAIChatModel:
    return OpenAIChatModel(ModelEndpoint(name, url, SecretStr(MODEL_KEY) if MODEL_KEY else None))


def ask(model: ChatModel, text: str, **fields: object) -> ChatRequest:
    messages = (Message(role="system", content="Answer briefly."), Message(role="user", content=text))
    return ChatRequest.model_validate({"model": model.name, "messages": messages, "max_tokens": 24, **fields})


async def test_deltas_come_first_and_one_result_ends_the_stream(model: ChatModel) -> None:
    pieces = [piece async for piece in model.stream(ask(model, "What is the capital of France?"))]

    *deltas, result = pieces
    assert isinstance(result, ChatResult)
    assert len(deltas) > 1
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == result.text
    assert "Paris" in result.text


async def test_usage_is_counted_and_a_repeated_prompt_costs_the_same(model: ChatModel) -> None:
    first = await complete(model, ask(model, "What is the capital of France?"))
    second = await complete(model, ask(model, "What is the capital of France?"))

    assert 0 < first.usage.completion_tokens <= 24
    assert first.usage.prompt_tokens == second.usage.prompt_tokens > 0
    assert second.usage.cached_tokens <= second.usage.prompt_tokens
    assert first.first_token_ms is not None
    assert first.first_token_ms <= first.duration_ms


async def test_max_tokens_is_a_hard_bound_and_named(model: ChatModel) -> None:
    result = await complete(model, ask(model, "Count from one to one hundred in words.", max_tokens=5))

    assert result.finish_reason == "length"
    assert result.usage.completion_tokens == 5


async def test_an_answer_under_a_schema_is_valid(model: ChatModel) -> None:
    result = await complete(model, ask(model, "The capital of France, as JSON.", json_schema=CITY, max_tokens=64))

    jsonschema.validate(orjson.loads(result.text), CITY)


async def test_structure_is_given_at_the_first_attempt(model: ChatModel) -> None:
    structured = await ask_json(model, ask(model, "The capital of France.", max_tokens=64), CITY, purpose="city")

    assert set(structured.value) == {"city", "country"}
    assert structured.attempts == 1


async def test_closing_the_stream_frees_the_model(model: OpenAIChatModel) -> None:
    long = ask(model, "Count from one to one hundred in words.", max_tokens=900)
    async with aclosing(model.stream(long)) as stream:
        assert isinstance(await anext(stream), TextDelta)

    async with asyncio.timeout(30):
        assert (await complete(model, ask(model, "What is the capital of France?"))).text


async def test_cancelling_the_reader_raises_nothing_else(model: OpenAIChatModel) -> None:
    long = ask(model, "Count from one to one hundred in words.", max_tokens=900)
    first = asyncio.Event()

    async def read() -> None:
        async for _ in model.stream(long):
            first.set()

    task = asyncio.create_task(read())
    async with asyncio.timeout(60):
        await first.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_concurrent_calls_do_not_mix(model: ChatModel) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(complete(model, ask(model, "What is the capital of France?"))) for _ in range(4)]

    assert all("Paris" in task.result().text for task in tasks)


async def test_one_call_after_another_works(model: ChatModel) -> None:
    for _ in range(6):
        assert (await complete(model, ask(model, "Hi", max_tokens=2))).usage.completion_tokens > 0


async def test_a_request_of_another_shape_is_refused(model: OpenAIChatModel) -> None:
    endpoint = replace(model.endpoint, extra_body={"response_format": {"type": "no_such_type"}})
    async with OpenAIChatModel(endpoint) as wrong:
        with pytest.raises(ModelError) as caught:
            await complete(wrong, ask(model, "Hi"))

    assert isinstance(caught.value, ModelRejectedError | ModelUnavailableError)
    assert len(str(caught.value)) < 2_200
