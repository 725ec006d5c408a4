"""A real OpenAI-compatible HTTP server that answers from a script."""

import asyncio
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvloop
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from hortus_agents.errors import ScriptError
from hortus_agents.models.scripted.chat import ChatResponder, error_response, json_response
from hortus_agents.models.scripted.gates import Gates
from hortus_agents.models.scripted.matching import RuleBook, request_key
from hortus_agents.models.scripted.metrics import metrics_registry, metrics_text
from hortus_agents.models.scripted.recorder import RequestLog, RequestRecord
from hortus_agents.models.scripted.script import Script, load_script, parse_script, script_from
from hortus_memory.embedding.hashed import HashEmbedder

DEFAULT_MODEL: Final = "scripted"
_MAX_BODY_BYTES: Final = 64 * 1024 * 1024
_STOP_S: Final = 0.5  # for requests under way when the server stops
_SHOWN_RECORDS: Final = 1_000

Handler = Callable[[web.BaseRequest, RequestRecord], Awaitable[web.StreamResponse]]


class ScriptedModel:
    """The server; `async with ScriptedModel(script) as server` serves on `server.base_url` until the block ends.

    `script` is a Script, its plain JSON form, or the path of a file. Port 0 takes a free one. Everything runs on
    the caller's event loop, so an in-process test can read `requests` and release holds without HTTP.

    Raises:
        ScriptError: the script is not valid.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Any] | Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        new_id: Callable[[], str] = lambda: f"call_{uuid.uuid4().hex[:24]}",
    ) -> None:
        self._host = host
        self._port = port
        self._log = RequestLog()
        self._gates = Gates()
        self._responder = ChatResponder(gates=self._gates, clock=time.perf_counter, new_id=new_id)
        self._runner: web.ServerRunner | None = None
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): self._responder.answer,
            ("POST", "/v1/embeddings"): self._embed,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): self._health,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/_scripted/requests"): self._show_requests,
            ("DELETE", "/_scripted/requests"): self._forget_requests,
            ("POST", "/_scripted/script"): self._swap_script,
            ("POST", "/_scripted/release"): self._release,
            ("POST", "/_scripted/hold"): self._hold,
        }
        if isinstance(script, Path):
            script = load_script(script)
        self.load(script if isinstance(script, Script) else script_from(script, source="script"))

    def load(self, script: Script) -> None:
        """Answer from `script` from now on; counts start anew and every hold is closed again."""
        self._responder.book = RuleBook(script)
        self._embedder = HashEmbedder(script.embedding_dimensions)
        self._registry = metrics_registry(self._responder, model=self._model_names(script)[0])
        self._gates.hold_all()

    @property
    def base_url(self) -> str:
        """Address for an OpenAI client, `/v1` included."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """Address of `/health`, `/metrics` and `/_scripted`."""
        return f"http://{self._host}:{self._port}"

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """Model requests (chat and embeddings), oldest first; bounded, see `RequestLog`."""
        return self._log.all()

    def release(self, name: str) -> int:
        """Let the replies that wait at hold `name` go on, and later ones pass; says how many were waiting."""
        return self._gates.release(name)

    async def until_held(self, name: str, *, count: int = 1, timeout_s: float = 10.0) -> None:
        """Return once `count` replies wait at hold `name`.

        Raises:
            TimeoutError: they did not within `timeout_s`.
        """
        async with asyncio.timeout(timeout_s):
            await self._gates.until_waiting(name, count)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is taken.
        """
        server = web.Server(
            self._handle, request_factory=_new_request, handler_cancellation=True, access_log=None, debug=False
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1_024).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = self._routes.get((request.method, request.path))
        if handler is None:
            return error_response(404, f"no route {request.method} {request.path}", kind="NotFoundError")
        started = time.perf_counter()
        record = RequestRecord(
            number=self._log.total,
            method=request.method,
            path=request.path,
            received_at=datetime.now(UTC),
            raw_body=await request.read(),
            headers=request.headers,
        )
        if request.method == "POST" and request.path.startswith("/v1/"):
            self._log.add(record)
        try:
            response = await handler(request, record)
        except asyncio.CancelledError:
            record.cancelled = not record.dropped
            raise
        finally:
            record.duration_ms = (time.perf_counter() - started) * 1_000
        record.status = response.status
        record.finished = True
        if record.first_byte_ms is None:
            record.first_byte_ms = record.duration_ms
        return response

    async def _embed(self, request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        body = record.body
        texts = body.get("input") if isinstance(body, dict) else None
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            return error_response(400, "input must be a text or a list of texts")
        record.key = str(request_key(request.headers))
        vectors = await self._embedder.embed(texts)
        tokens = sum(-(-len(text) // 4) for text in texts)
        return json_response(
            {
                "object": "list",
                "model": body.get("model", self._embedder.model_id),
                "data": [
                    {"object": "embedding", "index": number, "embedding": vector}
                    for number, vector in enumerate(vectors)
                ],
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )

    def _model_names(self, script: Script) -> tuple[str, ...]:
        return script.models or (DEFAULT_MODEL,)

    async def _models(self, _request: web.BaseRequest, _record: RequestRecord) -> web.StreamResponse:
        book = self._responder.book
        names = self._model_names(book.script) if book is not None else (DEFAULT_MODEL,)
        entries = [{"id": name, "object": "model", "created": 0, "owned_by": "hortus"} for name in names]
        return json_response({"object": "list", "data": entries})

    async def _health(self, _request: web.BaseRequest, _record: RequestRecord) -> web.StreamResponse:
        return json_response({"status": "ok"})

    async def _metrics(self, _request: web.BaseRequest, _record: RequestRecord) -> web.StreamResponse:
        return web.Response(
            body=metrics_text(self._registry), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _show_requests(self, request: web.BaseRequest, _record: RequestRecord) -> web.StreamResponse:
        after = request.query.get("after", "-1")
        if not after.removeprefix("-").isdecimal():
            return error_response(400, "after must be the number of a request")
        shown = [record.to_json() for record in self._log.all() if record.number > int(after)]
        return json_response({"total": self._log.total, "requests": shown[:_SHOWN_RECORDS]})

    async def _forget_requests(self, _request: web.BaseRequest, _record: RequestRecord) -> web.StreamResponse:
        self._log.clear()
        return json_response({"total": self._log.total})

    async def _swap_script(self, _request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        try:
            script = parse_script(record.raw_body.decode("utf-8", "replace"), source="body")
        except ScriptError as exc:
            return error_response(400, str(exc), kind=exc.code)
        self.load(script)
        return json_response({"rules": len(script.rules)})

    async def _release(self, _request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        name = _hold_name(record)
        if name is None:
            return error_response(400, 'the body must be {"hold": NAME}')
        return json_response({"released": self.release(name)})

    async def _hold(self, _request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        name = _hold_name(record)
        if name is None:
            return error_response(400, 'the body must be {"hold": NAME}')
        self._gates.hold(name)
        return json_response({"held": name})


def _hold_name(record: RequestRecord) -> str | None:
    body = record.body
    name = body.get("hold") if isinstance(body, dict) else None
    return name if isinstance(name, str) and name else None


def _new_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: Any,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    return web.BaseRequest(
        message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=_MAX_BODY_BYTES
    )


async def serve_scripted_model(server: ScriptedModel, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the base URL once the port listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        on_ready(server.base_url)
        await stop.wait()


def run_scripted_model(
    path: Path, *, host: str = "127.0.0.1", port: int = 8099, on_ready: Callable[[str], None] = lambda _url: None
) -> None:
    """Serve the script at `path` until a signal; for the command line, where no event loop runs yet.

    Raises:
        ScriptError: the script cannot be read or is not valid.
        OSError: the address is taken.
    """
    server = ScriptedModel(path, host=host, port=port)
    uvloop.run(serve_scripted_model(server, on_ready=on_ready))
