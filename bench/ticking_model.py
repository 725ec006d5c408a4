"""A model whose tokens tell when they were sent: it streams clock readings at a steady pace until told to stop.

The clock is the machine's monotonic one, which every process on it reads alike. Each stream has a phase of its own.
"""

import asyncio
import random
import time
from typing import Any

import orjson
import uvloop
from aiohttp import web

TOKENS_PER_S = 20
STOP: web.AppKey[asyncio.Event] = web.AppKey("stop", asyncio.Event)
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    body = {"id": "tick", "object": "chat.completion.chunk", "created": 0, "model": "tick", "choices": choices, **more}
    return b"data: " + orjson.dumps(body) + b"\n\n"


def piece(text: str) -> bytes:
    return event([{"index": 0, "delta": {"content": text}, "finish_reason": None}])


async def chat(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    stop = request.app[STOP]
    due_at = time.perf_counter() + random.random() / TOKENS_PER_S
    while not stop.is_set():
        await asyncio.sleep(due_at - time.perf_counter())
        due_at += 1 / TOKENS_PER_S
        await response.write(piece(f"{time.perf_counter():.5f} "))
    await response.write(event([{"index": 0, "delta": {}, "finish_reason": "stop"}]) + event([], usage=USAGE))
    await response.write(b"data: [DONE]\n\n")
    return response


async def models(_request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "tick", "object": "model"}]})


async def control(request: web.Request) -> web.Response:
    stop = request.app[STOP]
    stop.set() if (await request.json())["stop"] else stop.clear()
    return web.json_response({})


async def serve() -> None:
    app = web.Application()
    app[STOP] = asyncio.Event()
    routes = [web.post("/v1/chat/completions", chat), web.get("/v1/models", models), web.post("/control", control)]
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
