"""The engine's HTTP face: Qdrant's REST subset as an ASGI application.

Whatever lies outside the subset is answered 501 (an operation) or 400 (a field or parameter) in Qdrant's
error shape, so that nothing is ignored silently.
"""

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hortus_server.adapters.embedded.qdrant_engine import operations, protocol, translate
from hortus_server.adapters.embedded.qdrant_engine.errors import (
    BadRequestError,
    BodyTooLargeError,
    EngineError,
    PointMissingError,
    UnauthorisedError,
    UnsupportedError,
)
from hortus_server.adapters.embedded.qdrant_engine.render import FLUSH_INTERVAL_S
from hortus_server.adapters.embedded.qdrant_engine.store import Collection, CollectionStore

_log = logging.getLogger(__name__)

API_VERSION = "1.20.0"
"""The version of Qdrant's REST that the subset follows; clients compare it with their own."""

MAX_BODY_BYTES = 32 * 1024 * 1024  # Qdrant's default
ENGINE_THREADS = 4
# Accepted since a single durable replica fulfils every value of them.
_NEUTRAL_PARAMETERS = {"wait", "ordering", "consistency"}
_OPEN_PATHS = {"/", "/healthz", "/livez", "/readyz"}

Handler = Callable[[Request], Awaitable[Response]]
_BODY_ROUTES: tuple[tuple[str, str, type[BaseModel], Callable[[Collection, Any], Any]], ...] = (
    ("PUT", "/index", protocol.CreateFieldIndex, operations.create_index),
    ("PUT", "/points", protocol.UpsertPoints, operations.upsert),
    ("POST", "/points", protocol.GetPoints, operations.retrieve),
    ("POST", "/points/delete", protocol.SelectPoints, operations.delete),
    ("POST", "/points/payload", protocol.SetPayload, operations.set_payload),
    ("POST", "/points/scroll", protocol.ScrollPoints, operations.scroll),
    ("POST", "/points/count", protocol.CountPoints, operations.count),
    ("POST", "/points/query", protocol.QueryPoints, operations.query),
    ("POST", "/points/query/batch", protocol.QueryBatch, operations.query_batch),
)


class EngineApi:
    """Request handling over one store; blocking engine calls run in a bounded thread pool."""

    def __init__(self, store: CollectionStore, *, api_key: str | None) -> None:
        self._store = store
        self._api_key = api_key
        self._threads = ThreadPoolExecutor(ENGINE_THREADS, thread_name_prefix="engine")

    def build(self) -> Starlette:
        """The ASGI application; its end flushes and closes the store."""
        collection = "/collections/{name}"
        routes = [
            Route("/", self._guard(self._version), methods=["GET"]),
            *(Route(path, _alive, methods=["GET"]) for path in ("/healthz", "/livez", "/readyz")),
            Route("/collections", self._guard(self._list), methods=["GET"]),
            Route(f"{collection}/exists", self._guard(self._exists), methods=["GET"]),
            Route(collection, self._guard(self._describe), methods=["GET"]),
            Route(collection, self._guard(self._create), methods=["PUT"]),
            Route(collection, self._guard(self._drop), methods=["DELETE"]),
            Route(f"{collection}/points/{{id}}", self._guard(self._get_point), methods=["GET"]),
            *(
                Route(collection + path, self._guard(self._with_body(model, run)), methods=[method])
                for method, path, model, run in _BODY_ROUTES
            ),
        ]
        everything = ["GET", "PUT", "POST", "DELETE", "PATCH"]
        routes.append(Route("/{path:path}", self._guard(_unsupported), methods=everything))
        return Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        flusher = asyncio.create_task(self._flush_regularly())
        try:
            yield
        finally:
            flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await flusher
            await self._call(self._store.close)
            self._threads.shutdown()

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            await self._call(self._store.flush)

    async def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    def _guard(self, handler: Callable[[Request], Awaitable[Any]]) -> Handler:
        async def guarded(request: Request) -> Response:
            began = time.perf_counter()
            try:
                self._authorise(request)
                async with asyncio.timeout(_timeout_s(request)):
                    result = await handler(request)
            except EngineError as error:
                if type(error) is EngineError:
                    _log.exception("%s %s failed", request.method, request.url.path)
                return _failure(error.status, str(error), began)
            except ValidationError as error:
                return _failure(400, _explain(error), began)
            except (ValueError, OverflowError) as error:  # the engine's objects refuse what JSON may hold
                return _failure(400, f"Wrong input: {error}", began)
            except TimeoutError:
                return _failure(408, "Timeout error: the operation took longer than `timeout`", began)
            except Exception as error:  # noqa: BLE001 - the boundary of a request: any other fault is ours
                _log.exception("%s %s failed", request.method, request.url.path)
                return _failure(500, f"Service internal error: {type(error).__name__}", began)
            return _success(result, began)

        return guarded

    def _authorise(self, request: Request) -> None:
        if self._api_key is None or request.url.path in _OPEN_PATHS:
            return
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = request.headers.get("api-key") or bearer
        if not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise UnauthorisedError("Must provide an API key or an Authorization bearer token")

    def _with_body(
        self, model: type[BaseModel], run: Callable[[Collection, Any], Any]
    ) -> Callable[[Request], Awaitable[Any]]:
        async def handle(request: Request) -> Any:
            content = await _read_body(request)
            collection = self._store.get(request.path_params["name"])
            return await self._call(lambda: run(collection, model.model_validate_json(content)))

        return handle

    async def _version(self, _request: Request) -> Any:
        return _Whole({"title": "qdrant - Hortus embedded engine (qdrant-edge)", "version": API_VERSION})

    async def _list(self, _request: Request) -> Any:
        return {"collections": [{"name": name} for name in self._store.names()]}

    async def _exists(self, request: Request) -> Any:
        return {"exists": request.path_params["name"] in self._store.names()}

    async def _describe(self, request: Request) -> Any:
        return await self._call(operations.describe, self._store.get(request.path_params["name"]))

    async def _create(self, request: Request) -> Any:
        body = protocol.CreateCollection.model_validate_json(await _read_body(request))
        await self._call(self._store.create, request.path_params["name"], body)
        return True

    async def _drop(self, request: Request) -> Any:
        return await self._call(self._store.drop, request.path_params["name"])

    async def _get_point(self, request: Request) -> Any:
        collection = self._store.get(request.path_params["name"])
        point_id = translate.parse_point_id(request.path_params["id"])
        body = protocol.GetPoints(ids=[point_id], with_vector=True)
        found = await self._call(operations.retrieve, collection, body)
        if not found:
            raise PointMissingError(f"Not found: Point with id {point_id} does not exists!")
        return found[0]


class _Whole(dict[str, Any]):
    """An answer that is not wrapped in Qdrant's result envelope."""


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("healthz check passed")


async def _unsupported(request: Request) -> Any:
    raise UnsupportedError(
        f"Not implemented: {request.method} {request.url.path} is not part of the REST subset of Hortus' "
        "embedded engine; use a Qdrant server for it"
    )


async def _read_body(request: Request) -> bytes:
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_BODY_BYTES:
                raise BodyTooLargeError(f"Payload error: the body exceeds {MAX_BODY_BYTES} bytes")
    except ClientDisconnect as error:
        raise BadRequestError("Wrong input: the client went away before its body ended") from error
    return bytes(content)


def _timeout_s(request: Request) -> float | None:
    unknown = set(request.query_params) - _NEUTRAL_PARAMETERS - {"timeout"}
    if unknown:
        raise BadRequestError(f"Wrong input: unsupported query parameter {min(unknown)!r}")
    given = request.query_params.get("timeout")
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise BadRequestError("Wrong input: timeout must be a whole number of seconds, at least 1")
    return float(given)


def _explain(error: ValidationError) -> str:
    problems = (
        f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)[:5]
    )
    return "Format error in JSON body (the embedded engine speaks a subset of Qdrant): " + "; ".join(problems)


def _success(result: Any, began: float) -> Response:
    if isinstance(result, _Whole):
        return _json(200, result)
    return _json(200, {"result": result, "status": "ok", "time": time.perf_counter() - began})


def _failure(status: int, text: str, began: float) -> Response:
    return _json(status, {"status": {"error": text}, "time": time.perf_counter() - began})


def _json(status: int, body: Any) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
