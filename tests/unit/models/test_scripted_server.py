import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hortus_agents.models.scripted import ScriptedModel

SCRIPT = {
    "rules": [
        {"name": "json", "when": {"purpose": "json"}, "reply": {"json": {"n": [1, 2]}}},
        {"name": "broken", "when": {"purpose": "broken"}, "reply": {"json": {"n": [1, 2]}, "broken_json": True}},
        {
            "name": "tools",
            "when": {"purpose": "tools"},
            "reply": {"tool_calls": [{"name": "add", "arguments": {"a": 1}}]},
        },
        {"name": "repeat", "when": {"purpose": "repeat"}, "reply": {"text": "tok ", "repeat": 50}},
        {"name": "slow", "when": {"purpose": "slow"}, "reply": {"text": "a b c d e f", "tokens_per_s": 50}},
        {"name": "stall", "when": {"purpose": "stall"}, "reply": {"text": "x", "stall_s": 0.1}},
        {"name": "held", "when": {"purpose": "held"}, "reply": {"text": "x", "hold": "gate"}},
        {"name": "hi", "when": {"user": "^Hi"}, "reply": {"text": "Hello"}},
    ]
}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(SCRIPT) as running:
        yield running


@pytest.fixture
async def http(server: ScriptedModel) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.root_url) as session:
        yield session


async def chat(http: aiohttp.ClientSession, purpose: str = "", text: str = "Hi", **body: Any) -> tuple[int, str]:
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], **body}
    headers = {"X-Hortus-Purpose": purpose} if purpose else {}
    async with http.post("/v1/chat/completions", json=asked, headers=headers) as response:
        return response.status, await response.text()


async def message(http: aiohttp.ClientSession, purpose: str = "", **body: Any) -> dict[str, Any]:
    status, text = await chat(http, purpose, **body)
    assert status == 200
    choice = json.loads(text)["choices"][0]
    return {**choice["message"], "finish_reason": choice["finish_reason"]}


async def test_a_whole_answer(http: aiohttp.ClientSession) -> None:
    assert await message(http) == {"role": "assistant", "content": "Hello", "finish_reason": "stop"}


async def test_a_json_reply_is_serialised(http: aiohttp.ClientSession) -> None:
    assert (await message(http, "json"))["content"] == '{"n":[1,2]}'


async def test_broken_json_does_not_parse(http: aiohttp.ClientSession) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(str((await message(http, "broken"))["content"]))


async def test_a_whole_answer_with_tool_calls(http: aiohttp.ClientSession) -> None:
    answer = await message(http, "tools")

    assert answer["finish_reason"] == "tool_calls"
    assert answer["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1}'}


async def test_max_tokens_cuts_the_answer(http: aiohttp.ClientSession) -> None:
    answer = await message(http, "repeat", max_tokens=3)

    assert (answer["content"], answer["finish_reason"]) == ("tok tok tok", "length")


async def test_a_request_that_no_rule_matches_is_a_500_that_names_it(http: aiohttp.ClientSession) -> None:
    status, text = await chat(http, "act", text="Bye")

    assert status == 500
    assert "purpose=act index=0 turn=0 user='Bye'" in json.loads(text)["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"messages": []}', b'{"messages": ["x"]}', b'{"messages": [{}], "response_format": 3}']
)
async def test_a_malformed_request_is_a_400(http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.post("/v1/chat/completions", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


async def test_an_unknown_model_is_a_404_where_the_script_names_models() -> None:
    async with (
        ScriptedModel({"models": ["tiny"], "default": {"text": "x"}}) as server,
        aiohttp.ClientSession(server.root_url) as http,
    ):
        assert (await chat(http))[0] == 404
        async with http.get("/v1/models") as response:
            assert [entry["id"] for entry in (await response.json())["data"]] == ["tiny"]


async def test_slow_streams_keep_their_pace(http: aiohttp.ClientSession) -> None:
    started = time.perf_counter()
    _, text = await chat(http, "slow", stream=True)

    assert 0.11 <= time.perf_counter() - started < 10
    assert text.count('"content":') == 7
    assert text.endswith("data: [DONE]\n\n")


async def test_usage_is_streamed_only_when_asked_for(http: aiohttp.ClientSession) -> None:
    assert "usage" not in (await chat(http, stream=True))[1]
    assert '"usage":{"prompt_tokens":2' in (await chat(http, stream=True, stream_options={"include_usage": True}))[1]


async def test_the_same_request_gives_the_same_bytes(http: aiohttp.ClientSession) -> None:
    assert (await chat(http, stream=True))[1] == (await chat(http, stream=True))[1]


async def test_a_stall_delays_the_first_byte(http: aiohttp.ClientSession) -> None:
    started = time.perf_counter()
    await chat(http, "stall")

    assert time.perf_counter() - started >= 0.1


async def test_a_hold_lasts_until_it_is_released_over_http(server: ScriptedModel, http: aiohttp.ClientSession) -> None:
    task = asyncio.create_task(chat(http, "held"))
    await server.until_held("gate")
    async with http.get("/metrics") as response:
        assert 'vllm:num_requests_waiting{model_name="scripted"} 1.0' in await response.text()
    assert not task.done()

    async with http.post("/_scripted/release", json={"hold": "gate"}) as response:
        assert await response.json() == {"released": 1}

    assert (await task)[0] == 200


async def test_a_gate_can_be_held_again(server: ScriptedModel, http: aiohttp.ClientSession) -> None:
    server.release("gate")
    assert (await chat(http, "held"))[0] == 200
    async with http.post("/_scripted/hold", json={"hold": "gate"}) as response:
        assert response.status == 200

    task = asyncio.create_task(chat(http, "held"))
    await server.until_held("gate")
    server.release("gate")

    assert (await task)[0] == 200


async def test_the_request_log_shows_bodies_keys_and_timing(http: aiohttp.ClientSession) -> None:
    await chat(http, "json", text="Hi you")
    async with http.get("/_scripted/requests") as response:
        log = await response.json()

    record = log["requests"][0]
    assert log["total"] == 1
    assert record["body"]["messages"] == [{"role": "user", "content": "Hi you"}]
    assert (record["key"], record["rule"], record["status"]) == ("purpose=json", "json", 200)
    assert record["finished"]
    assert not record["cancelled"]
    assert record["duration_ms"] > 0


async def test_the_request_log_can_be_read_in_parts_and_cleared(http: aiohttp.ClientSession) -> None:
    for _ in range(3):
        await chat(http)
    async with http.get("/_scripted/requests", params={"after": 1}) as response:
        assert [record["number"] for record in (await response.json())["requests"]] == [2]
    async with http.delete("/_scripted/requests") as response:
        assert await response.json() == {"total": 3}
    async with http.get("/_scripted/requests", params={"after": "x"}) as response:
        assert response.status == 400


async def test_a_script_is_swapped_while_serving(http: aiohttp.ClientSession) -> None:
    async with http.post("/_scripted/script", data="default: {text: Neu}") as response:
        assert response.status == 200

    assert (await message(http))["content"] == "Neu"


async def test_a_wrong_script_is_refused_and_the_old_one_stays(http: aiohttp.ClientSession) -> None:
    async with http.post("/_scripted/script", data="default: {}") as response:
        assert response.status == 400
        assert "default: " in (await response.json())["error"]["message"]

    assert (await message(http))["content"] == "Hello"


async def test_embeddings_are_deterministic_unit_vectors(http: aiohttp.ClientSession) -> None:
    vectors = []
    for _ in range(2):
        async with http.post("/v1/embeddings", json={"model": "e", "input": ["tea pot", "coffee"]}) as response:
            vectors.append([entry["embedding"] for entry in (await response.json())["data"]])

    assert vectors[0] == vectors[1]
    assert vectors[0][0] != vectors[0][1]
    assert [sum(value * value for value in vector) for vector in vectors[0]] == pytest.approx([1.0, 1.0])
    assert len(vectors[0][0]) == 384


async def test_embeddings_of_something_else_are_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/embeddings", json={"input": [[1, 2]]}) as response:
        assert response.status == 400


async def test_metrics_count_under_vllm_s_names(http: aiohttp.ClientSession) -> None:
    for _ in range(2):
        await chat(http, text="Hi " + "x" * 200)
    async with http.get("/metrics") as response:
        text = await response.text()

    assert 'vllm:generation_tokens_total{model_name="scripted"} 2.0' in text
    assert 'vllm:prefix_cache_hits_total{model_name="scripted"} 48.0' in text
    assert 'vllm:request_success_total{finished_reason="stop",model_name="scripted"} 2.0' in text
    assert 'vllm:num_requests_running{model_name="scripted"} 0.0' in text


async def test_health_and_unknown_routes(http: aiohttp.ClientSession) -> None:
    async with http.get("/health") as response:
        assert response.status == 200
    async with http.get("/v2/unknown") as response:
        assert response.status == 404


async def test_the_command_line_s_server_runs_until_a_signal(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("default: {text: up}")
    code = (
        "import sys; from pathlib import Path; from hortus_agents.models.scripted import run_scripted_model; "
        "run_scripted_model(Path(sys.argv[1]), port=0, on_ready=lambda url: print(url, flush=True))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(script), stdout=asyncio.subprocess.PIPE, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(100):  # a process imports for seconds, more on a busy machine
            url = (await process.stdout.readline()).decode().strip().removesuffix("/v1")
        async with aiohttp.ClientSession(url) as http:
            assert (await message(http))["content"] == "up"
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
