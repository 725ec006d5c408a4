import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web
from pydantic import SecretStr

from hortus_agents.errors import (
    ModelProtocolError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from hortus_agents.messages import ChatRequest, ChatResult, Message, TextDelta, ToolCall, ToolSpec, Usage
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel, open_model_session, probe
from hortus_agents.models.scripted import ScriptedModel

SCRIPT = {
    "rules": [
        {"name": "slow", "when": {"purpose": "slow"}, "reply": {"text": "a b c d e f", "tokens_per_s": 20}},
        {"name": "held", "when": {"purpose": "held"}, "reply": {"text": "late", "hold": "gate"}},
        {
            "name": "held in mid-stream",
            "when": {"purpose": "mid"},
            "reply": {"text": "one two three", "hold": "mid", "stall_at_token": 1},
        },
        {
            "name": "tools",
            "when": {"purpose": "tools"},
            "reply": {
                "text": "Let me see.",
                "tool_calls": [
                    {"name": "add", "arguments": {"a": 1, "b": [2, "drei"]}},
                    {"name": "now", "id": "call_fixed"},
                ],
            },
        },
        {
            "name": "bad arguments",
            "when": {"purpose": "bad_arguments"},
            "reply": {"tool_calls": [{"name": "add", "arguments": {"first": 1}}], "broken_json": True},
        },
        {"name": "drop", "when": {"purpose": "drop"}, "reply": {"text": "a b c d", "disconnect_after": 2}},
        {"name": "garbage", "when": {"purpose": "garbage"}, "reply": {"text": "a b c d", "broken_stream": True}},
        {
            "name": "busy",
            "when": {"purpose": "busy"},
            "reply": {"error": {"status": 429, "body": {"error": {"message": "queue full"}}, "retry_after": 7}},
        },
        {"name": "down", "when": {"purpose": "down"}, "reply": {"error": {"status": 503}}},
        {
            "name": "too long",
            "when": {"purpose": "rejected"},
            "reply": {"error": {"status": 400, "body": {"error": {"message": "context " + "x" * 9_000}}}},
        },
        {
            "name": "key quoted",
            "when": {"purpose": "key"},
            "reply": {"error": {"status": 401, "body": "wrong key: sk-secret"}},
        },
    ],
    "default": {"text": "Hello there, friend"},
}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(SCRIPT) as running:
        yield running


@pytest.fixture
async def model(server: ScriptedModel) -> AsyncIterator[OpenAIChatModel]:
    async with OpenAIChatModel(ModelEndpoint("m", server.base_url)) as running:
        yield running


def request(purpose: str = "", **fields: object) -> ChatRequest:
    messages = (Message(role="user", content="Hi"),)
    return ChatRequest.model_validate(
        {"model": "m", "messages": messages, "metadata": {"purpose": purpose} if purpose else {}, **fields}
    )


async def collect(model: OpenAIChatModel, asked: ChatRequest) -> tuple[list[str], ChatResult]:
    pieces = [piece async for piece in model.stream(asked)]
    assert isinstance(pieces[-1], ChatResult)
    return [piece.text for piece in pieces if isinstance(piece, TextDelta)], pieces[-1]


async def until_cancelled(server: ScriptedModel) -> None:
    async with asyncio.timeout(30):
        while not server.requests[-1].cancelled:
            await asyncio.sleep(0.005)


async def test_deltas_add_up_to_the_text(model: OpenAIChatModel) -> None:
    deltas, result = await collect(model, request())

    assert deltas == ["Hello", " there,", " friend"]
    assert result.text == "Hello there, friend"
    assert result.finish_reason == "stop"
    assert result.first_token_ms is not None
    assert 0 < result.first_token_ms <= result.duration_ms


async def test_conversation_is_sent_in_the_wire_format(server: ScriptedModel, model: OpenAIChatModel) -> None:
    call = ToolCall(id="c1", name="add", arguments={"b": 2, "a": 1})
    messages = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="1+2?"),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="3", tool_call_id="c1"),
    )
    tool = ToolSpec(name="add", description="Adds.", parameters={"type": "object"})

    await collect(model, request(messages=messages, tools=(tool,), max_tokens=9, seed=4, stop=("END",)))

    body = server.requests[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1+2?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"b":2,"a":1}'}}],
        },
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    ]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}
    ]
    assert (body["max_tokens"], body["seed"], body["stop"], body["temperature"]) == (9, 4, ["END"], 0.0)
    assert body["stream_options"] == {"include_usage": True}


async def test_json_schema_becomes_a_strict_response_format(server: ScriptedModel, model: OpenAIChatModel) -> None:
    schema = {"title": "A step!", "type": "object"}

    await collect(model, request(json_schema=schema))

    assert server.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "A_step_", "schema": schema, "strict": True},
    }


async def test_tools_together_with_a_schema_are_refused(model: OpenAIChatModel) -> None:
    tool = ToolSpec(name="add", description="Adds.", parameters={"type": "object"})

    with pytest.raises(ValueError, match="not both"):
        await collect(model, request(json_schema={"type": "object"}, tools=(tool,)))


async def test_extra_body_adds_but_never_replaces(server: ScriptedModel) -> None:
    endpoint = ModelEndpoint("m", server.base_url + "/", extra_body={"priority": 3, "stream": False, "model": "x"})
    async with OpenAIChatModel(endpoint) as model:
        await collect(model, request())

    body = server.requests[0].body
    assert (body["priority"], body["stream"], body["model"]) == (3, True, "m")


async def test_metadata_travels_as_headers(server: ScriptedModel, model: OpenAIChatModel) -> None:
    metadata = {"role": "planner", "run_id": "r-1", "stage": "Größe 100%\r\nX-Evil: 1"}

    await collect(model, request(metadata=metadata))

    assert server.requests[0].metadata == metadata
    assert "X-Evil" not in server.requests[0].headers


async def test_api_key_is_sent_and_never_shown(server: ScriptedModel) -> None:
    endpoint = ModelEndpoint("m", server.base_url, SecretStr("sk-secret"))
    async with OpenAIChatModel(endpoint) as model:
        with pytest.raises(ModelRejectedError) as caught:
            await collect(model, request("key"))

    assert server.requests[0].headers["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in repr(endpoint)
    assert "sk-secret" not in str(server.requests[0].to_json())


async def test_usage_counts_the_cached_prefix(model: OpenAIChatModel) -> None:
    history = (Message(role="system", content="Rules. " * 40),)
    await collect(model, request(messages=(*history, Message(role="user", content="one"))))

    _, result = await collect(model, request(messages=(*history, Message(role="user", content="two"))))

    assert result.usage == Usage(prompt_tokens=75, completion_tokens=3, cached_tokens=64)


async def test_tool_calls_are_put_together_from_their_pieces(model: OpenAIChatModel) -> None:
    _, result = await collect(model, request("tools"))

    assert result.finish_reason == "tool_calls"
    assert result.text == "Let me see."
    assert [(call.name, call.arguments) for call in result.tool_calls] == [
        ("add", {"a": 1, "b": [2, "drei"]}),
        ("now", {}),
    ]
    assert result.tool_calls[1].id == "call_fixed"


async def test_arguments_that_are_not_json_are_a_protocol_error_with_the_raw_text(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelProtocolError, match=r'add are not JSON: \{"fir'):
        await collect(model, request("bad_arguments"))


async def test_closing_the_stream_closes_the_request(server: ScriptedModel, model: OpenAIChatModel) -> None:
    async with aclosing(model.stream(request("slow"))) as stream:
        assert isinstance(await anext(stream), TextDelta)

    await until_cancelled(server)
    assert server.requests[-1].tokens_sent < 6


@pytest.mark.parametrize(("purpose", "gate"), [("held", "gate"), ("mid", "mid")])
async def test_cancelling_the_reader_closes_the_request(
    server: ScriptedModel, model: OpenAIChatModel, purpose: str, gate: str
) -> None:
    task = asyncio.create_task(collect(model, request(purpose)))
    await server.until_held(gate)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await until_cancelled(server)


async def test_no_first_event_within_the_bound_is_a_timeout(server: ScriptedModel) -> None:
    endpoint = ModelEndpoint("m", server.base_url, first_byte_timeout_s=0.1)
    async with OpenAIChatModel(endpoint) as model:
        with pytest.raises(ModelTimeoutError) as caught:
            await collect(model, request("held"))

    assert caught.value.timeout_s == 0.1
    await until_cancelled(server)


async def test_no_next_event_within_the_bound_is_a_timeout(server: ScriptedModel) -> None:
    endpoint = ModelEndpoint("m", server.base_url, chunk_timeout_s=0.1)
    async with OpenAIChatModel(endpoint) as model:
        with pytest.raises(ModelTimeoutError) as caught:
            await collect(model, request("mid"))

    assert caught.value.timeout_s == 0.1


async def test_no_connection_within_the_bound_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        endpoint = ModelEndpoint("m", f"http://127.0.0.1:{address[1]}/v1", connect_timeout_s=0.1)
        async with OpenAIChatModel(endpoint) as model:
            with pytest.raises(ModelTimeoutError, match="no connection") as caught:
                await collect(model, request())
        for filler in fillers:
            filler.close()

    assert caught.value.timeout_s == 0.1


async def test_429_is_unavailable_and_says_when_to_come_back(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelUnavailableError, match="queue full") as caught:
        await collect(model, request("busy"))

    assert (caught.value.status, caught.value.retry_after_s) == (429, 7.0)


async def test_5xx_is_unavailable(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        await collect(model, request("down"))

    assert (caught.value.status, caught.value.retry_after_s) == (503, None)


async def test_4xx_is_rejected_with_a_bounded_message(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelRejectedError, match="context xxx") as caught:
        await collect(model, request("rejected"))

    assert caught.value.status == 400
    assert len(str(caught.value)) < 2_100


async def test_an_endpoint_that_nobody_serves_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with OpenAIChatModel(ModelEndpoint("m", f"http://127.0.0.1:{port}/v1")) as model:
        with pytest.raises(ModelUnavailableError, match="cannot be reached"):
            await collect(model, request())


async def test_a_connection_lost_in_mid_stream_is_unavailable(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelUnavailableError, match="lost"):
        await collect(model, request("drop"))


async def test_an_event_that_is_not_json_is_a_protocol_error(model: OpenAIChatModel) -> None:
    with pytest.raises(ModelProtocolError, match="cannot be read"):
        await collect(model, request("garbage"))


async def serve_once_per_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Like llama.cpp: promise keep-alive, answer one request, close."""
    await reader.readuntil(b"}]")
    event = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5, max=100\r\n\r\n")
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
    await writer.drain()
    writer.close()


async def test_an_endpoint_that_closes_its_connections_silently_is_no_error() -> None:
    closing = await asyncio.start_server(serve_once_per_connection, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{closing.sockets[0].getsockname()[1]}/v1"
    async with closing, OpenAIChatModel(ModelEndpoint("m", url)) as model:
        for _ in range(4):
            assert (await collect(model, request()))[1].text == "x"


async def test_a_finished_answer_is_not_taken_for_a_cancelled_one(
    server: ScriptedModel, model: OpenAIChatModel
) -> None:
    for purpose in ("", "tools", "slow"):
        await collect(model, request(purpose))

    assert [(record.finished, record.cancelled) for record in server.requests] == [(True, False)] * 3


async def test_a_session_that_was_passed_in_stays_open(server: ScriptedModel) -> None:
    async with open_model_session(connections=4) as session:
        async with OpenAIChatModel(ModelEndpoint("m", server.base_url), session) as model:
            await collect(model, request())
        assert not session.closed


async def test_served_models_are_listed(server: ScriptedModel, model: OpenAIChatModel) -> None:
    assert await model.list_models() == ("scripted",)


async def test_probe_generates_one_token(server: ScriptedModel) -> None:
    readiness = await probe(ModelEndpoint("m", server.base_url))

    assert readiness.ready
    assert server.requests[-1].body["max_tokens"] == 1
    assert server.requests[-1].tokens_sent == 1


async def test_probe_says_why_a_model_is_not_ready() -> None:
    async with ScriptedModel({"default": {"error": {"status": 503, "body": "Loading model"}}}) as loading:
        readiness = await probe(ModelEndpoint("m", loading.base_url))

    assert not readiness.ready
    assert readiness.detail == "model_unavailable: m answered 503: Loading model"


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="base_url"):
        ModelEndpoint("m", "localhost:8000/v1")


async def stream_of(parts: list[bytes], *, pause_s: float = 0.0) -> tuple[web.ServerRunner, str]:
    """A server that answers everything with these bytes; for what a script cannot express."""

    async def handler(incoming: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(incoming)
        for part in parts:
            await response.write(part)
            await asyncio.sleep(pause_s)
        await response.write_eof()
        return response

    runner = web.ServerRunner(web.Server(handler, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


async def ask_bytes(parts: list[bytes], *, pause_s: float = 0.0, first_byte_timeout_s: float = 5.0) -> ChatResult:
    runner, url = await stream_of(parts, pause_s=pause_s)
    try:
        endpoint = ModelEndpoint("m", url, first_byte_timeout_s=first_byte_timeout_s)
        async with OpenAIChatModel(endpoint, new_id=lambda: "made") as model:
            return (await collect(model, request()))[1]
    finally:
        await runner.cleanup()


async def test_events_may_be_cut_anywhere() -> None:
    event = 'data: {"choices":[{"delta":{"content":"Grüße"},"finish_reason":"stop"}]}\r\n\r\n'.encode()
    cut = event.index("ü".encode()) + 1

    result = await ask_bytes([event[:3], event[3:cut], event[cut:], b": bye\n\ndata: [DONE]\n\n"], pause_s=0.01)

    assert result.text == "Grüße"


async def test_a_call_without_an_id_gets_one() -> None:
    call = b'{"index":0,"function":{"name":"add","arguments":"{}"}}'

    result = await ask_bytes([b'data: {"choices":[{"delta":{"tool_calls":[%s]},"finish_reason":"stop"}]}\n\n' % call])

    assert result.tool_calls == (ToolCall(id="made", name="add", arguments={}),)
    assert result.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("reported", "expected"),
    [("length", "length"), ("abort", "cancelled"), ("content_filter", "error"), ("stop", "stop")],
)
async def test_finish_reasons_are_mapped(reported: str, expected: str) -> None:
    event = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"%s"}]}\n\n' % reported.encode()

    assert (await ask_bytes([event])).finish_reason == expected


async def test_a_stream_without_a_finish_reason_is_a_protocol_error() -> None:
    with pytest.raises(ModelProtocolError, match="without a finish reason"):
        await ask_bytes([b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'])


async def test_an_answer_that_is_no_stream_is_a_protocol_error_that_shows_it() -> None:
    with pytest.raises(ModelProtocolError, match="it sent: <html>"):
        await ask_bytes([b"<html>"])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"message":"CUDA out of memory","code":500}', ModelUnavailableError),
        (b'{"message":"prompt too long","code":400}', ModelRejectedError),
        (b'"overloaded"', ModelUnavailableError),
    ],
)
async def test_an_error_event_in_mid_stream_is_understood(error: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="mid-stream"):
        await ask_bytes([b'data: {"error":%s}\n\n' % error])


async def test_keep_alive_comments_do_not_extend_the_wait_for_the_first_event() -> None:
    with pytest.raises(ModelTimeoutError):
        await ask_bytes([b": ping\n\n"] * 50, pause_s=0.02, first_byte_timeout_s=0.1)


@pytest.mark.parametrize(
    "event",
    [b"[]", b'"x"', b'{"choices":[{"delta":{"content":7}}]}', b'{"choices":[7]}', b'{"choices":{}, "usage": 3}'],
)
async def test_events_of_another_shape_are_protocol_errors(event: bytes) -> None:
    with pytest.raises(ModelProtocolError):
        await ask_bytes([b"data: " + event + b"\n\n"])
