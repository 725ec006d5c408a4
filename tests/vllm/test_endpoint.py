"""What Hortus needs of vLLM as a model server."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import httpx
import jsonschema
import pytest
from compose_file import ROOT
from vllm_server import SUITE_S, VllmServer, figures

from hortus_agents.messages import ChatRequest, Message, TextDelta
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.models.structured import ask_json

pytestmark = pytest.mark.vllm

RUNNING = "vllm:num_requests_running"
FREED_S = 20.0
NESTED = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 60},
        "kind": {"enum": ["fruit", "vegetable", "herb"]},
        "months": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 12}, "maxItems": 4},
        "care": {
            "type": "object",
            "properties": {"water_ml": {"type": "integer"}, "sunny": {"type": "boolean"}},
            "required": ["water_ml", "sunny"],
            "additionalProperties": False,
        },
    },
    "required": ["title", "kind", "months", "care"],
    "additionalProperties": False,
}
STEP = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "tool": {"const": "calculate"},
                "arguments": {
                    "type": "object",
                    "properties": {"expression": {"type": "string", "maxLength": 40}},
                    "required": ["expression"],
                    "additionalProperties": False,
                },
            },
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"answer": {"type": "string", "maxLength": 120}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    ]
}


def _ask(model: str, text: str, **fields: Any) -> ChatRequest:
    messages = (Message(role="system", content="Answer briefly."), Message(role="user", content=text))
    return ChatRequest.model_validate({"model": model, "messages": messages, "max_tokens": 160, **fields})


def test_it_holds_the_contract_of_chat_models(vllm_server: VllmServer) -> None:
    environment = {
        **os.environ,
        "HORTUS_TEST_MODEL_URL": vllm_server.url,
        "HORTUS_TEST_MODEL_NAME": vllm_server.model,
        "HORTUS_TEST_MODEL_API_KEY": vllm_server.key,
    }
    suite = ["tests/conformance/test_chat_model.py", "-k", "real", "-o", f"timeout={SUITE_S}", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *suite],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SUITE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert "skipped" not in done.stdout
    figures.info("conformance: %s", done.stdout.strip().splitlines()[-1])


def test_a_request_without_the_key_is_refused(vllm_server: VllmServer) -> None:
    if not vllm_server.key:
        pytest.skip("this server wants no key")
    assert httpx.get(f"{vllm_server.url}/models", timeout=30, trust_env=False).status_code == 401


async def test_cancelling_frees_the_request(vllm_server: VllmServer) -> None:
    # Without an end token the generation cannot end by itself within the test.
    async with OpenAIChatModel(vllm_server.endpoint(ignore_eos=True)) as model:
        first = asyncio.Event()

        async def read() -> None:
            request = _ask(model.name, "Count from one to one thousand in words.", max_tokens=8000)
            async with aclosing(model.stream(request)) as stream:
                async for piece in stream:
                    if isinstance(piece, TextDelta):
                        first.set()

        reader = asyncio.create_task(read())
        await first.wait()
        assert await asyncio.to_thread(vllm_server.metric, RUNNING) == 1
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        took_s = await _until(lambda: vllm_server.metric(RUNNING) == 0)
    figures.info("a cancelled request was freed after %.2f s", took_s)


async def _until(condition: Callable[[], bool]) -> float:
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(FREED_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)
    return asyncio.get_running_loop().time() - started


@pytest.mark.parametrize("schema", [NESTED, STEP], ids=["nested", "one step or the answer"])
@pytest.mark.parametrize("text", ["Describe a tomato.", "What is 17 * 23?", "Say nothing of use.", "¿Qué es la menta?"])
async def test_structure_is_valid_at_the_first_attempt(
    model: OpenAIChatModel, schema: dict[str, Any], text: str
) -> None:
    structured = await ask_json(model, _ask(model.name, text), schema, purpose="test")
    assert structured.attempts == 1
    jsonschema.validate(structured.value, schema)


async def test_a_repeated_prefix_is_taken_from_the_cache(vllm_server: VllmServer, model: OpenAIChatModel) -> None:
    long = " ".join(f"Rule {number}: a bed has {number} rows." for number in range(60))
    before = vllm_server.metric("vllm:prefix_cache_hits_total")
    cached = []
    for question in ("How many rows has bed 7?", "How many rows has bed 41?"):
        messages = (Message(role="system", content=long), Message(role="user", content=question))
        request = ChatRequest(model=model.name, messages=messages, max_tokens=8)
        async with aclosing(model.stream(request)) as stream:
            pieces = [piece async for piece in stream]
        cached.append(pieces[-1].usage.cached_tokens)
    assert cached[1] > 300
    assert vllm_server.metric("vllm:prefix_cache_hits_total") >= before + cached[1]
