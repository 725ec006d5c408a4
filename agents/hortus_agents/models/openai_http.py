"""Chat models over HTTP: vLLM, llama.cpp and whatever else speaks OpenAI's chat completions."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import aiohttp
import orjson

from hortus_agents.errors import (
    ModelError,
    ModelProtocolError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from hortus_agents.messages import ChatRequest, ChatResult, JsonObject, Message, TextDelta
from hortus_agents.models.endpoint import CONTINUES_BY_OWNER, Continues, ModelEndpoint, Readiness
from hortus_agents.models.sse import Bound, EventReader, drain
from hortus_agents.models.wire import AnswerAssembler, chat_body, endpoint_message, metadata_headers
from hortus_agents.spec import ToolMode

DEFAULT_CONNECTIONS: Final = 1_024
_ERROR_BODY_BYTES: Final = 65_536
_WORTH_A_RETRY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def open_model_session(*, connections: int = DEFAULT_CONNECTIONS) -> aiohttp.ClientSession:
    """A client session for any number of models; at most `connections` requests are under way, the rest wait.

    It uses each connection once: llama.cpp closes the connection after every stream without saying so, which fails
    the next request on it, and uvicorn does that to idle ones. A new connection costs less than a failed step.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class OpenAIChatModel:
    """A ChatModel over one endpoint.

    Pass the process's shared `session`, from `open_model_session`, or none: then the model opens its own at the
    first call and `aclose` (or `async with`) closes it. Calls may run concurrently. `clock` counts seconds; `new_id`
    names tool calls that the endpoint left without an id.
    """

    def __init__(
        self,
        endpoint: ModelEndpoint,
        session: aiohttp.ClientSession | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        new_id: Callable[[], str] = lambda: f"call_{uuid.uuid4().hex}",
    ) -> None:
        self._endpoint = endpoint
        self._session = session
        self._owned: aiohttp.ClientSession | None = None
        self._clock = clock
        self._new_id = new_id
        self._continues_by_owner: Continues | None = None

    @property
    def name(self) -> str:
        """The name that requests carry."""
        return self._endpoint.name

    @property
    def tool_mode(self) -> ToolMode:
        """How this model is asked for tool calls unless an agent says otherwise."""
        return self._endpoint.tool_mode

    @property
    def endpoint(self) -> ModelEndpoint:
        """The address and bounds in use."""
        return self._endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the session that the model opened itself; one that was passed in stays open."""
        if self._owned is not None:
            await self._owned.close()
            self._owned = None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        """Answer `request` piece by piece; see ChatModel.

        Raises:
            ModelTimeoutError: no connection, no first event or no next event within the endpoint's bounds.
            ModelUnavailableError: unreachable, connection lost, 408, 425, 429 or 5xx.
            ModelRejectedError: any other status that is not 200.
            ModelProtocolError: the stream broke the protocol, or a tool call's arguments are not a JSON object.
        """
        started = self._clock()
        answer = AnswerAssembler(request.model, self._new_id)
        first_token_ms: float | None = None
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",  # a compressed stream is a buffered stream
        }
        headers |= metadata_headers(request.metadata)
        first = Bound.of(self._endpoint.first_byte_timeout_s)
        continues = await self._continues() if request.continue_text else "none"
        body = chat_body(request, self._endpoint.extra_body, continues=continues)
        response = await self._send("POST", "chat/completions", bound=first, headers=headers, body=body)
        try:
            events = EventReader(response, model=self.name, first=first, chunk_timeout_s=self._endpoint.chunk_timeout_s)
            while payloads := await events.read():
                for payload in payloads:
                    text = answer.feed(payload)
                    if first_token_ms is None and answer.has_output:
                        first_token_ms = (self._clock() - started) * 1_000
                    if text:
                        yield TextDelta(text=text)
            if not answer.finished:
                raise ModelProtocolError(f"{self.name} ended its stream without a finish reason{events.left_over}")
            tool_calls = answer.tool_calls()
            await drain(response)
        finally:
            # Cuts off an answer that was not read to its end, which is what frees the model's slot.
            response.close()
        yield ChatResult(
            text=answer.text,
            tool_calls=tool_calls,
            finish_reason=answer.finish_reason(),
            usage=answer.usage,
            model=answer.model,
            duration_ms=(self._clock() - started) * 1_000,
            first_token_ms=first_token_ms,
        )

    async def can_continue(self) -> bool:
        """Whether this endpoint goes on with a begun answer; see ChatModel."""
        return await self._continues() != "none"

    async def _continues(self) -> Continues:
        if self._endpoint.continues != "auto":
            return self._endpoint.continues
        if self._continues_by_owner is None:
            try:
                entries = await self._model_entries()
            except ModelRejectedError:
                entries = ()  # it lists no models, now and later
            except ModelError:
                return "none"
            owner = next((str(one.get("owned_by")) for one in entries if one.get("id") == self.name), "")
            self._continues_by_owner = CONTINUES_BY_OWNER.get(owner, "none")
        return self._continues_by_owner

    async def list_models(self) -> tuple[str, ...]:
        """Names that the endpoint serves.

        Raises:
            ModelError: as for `stream`.
        """
        return tuple(str(entry["id"]) for entry in await self._model_entries())

    async def _model_entries(self) -> tuple[JsonObject, ...]:
        bound = Bound.of(self._endpoint.chunk_timeout_s)
        response = await self._send("GET", "models", bound=bound, headers={})
        try:
            async with asyncio.timeout_at(bound.at):
                body = await response.read()
            entries = orjson.loads(body)["data"]
            return tuple({**entry, "id": str(entry["id"])} for entry in entries)
        except TimeoutError as exc:
            raise ModelTimeoutError(
                f"{self.name} sent no list of models within {bound.length_s:g} s", timeout_s=bound.length_s
            ) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise ModelUnavailableError(f"the connection to {self.name} was lost: {exc}") from exc
        except (ValueError, TypeError, KeyError) as exc:
            raise ModelProtocolError(f"{self.name} did not answer with a list of models") from exc
        finally:
            response.close()

    async def probe(self) -> Readiness:
        """Generate one token for real: a health route that answers says nothing about a model that still loads."""
        started = self._clock()
        request = ChatRequest(
            model=self.name,
            messages=(Message(role="user", content="Hi"),),
            max_tokens=1,
            metadata={"purpose": "probe"},
        )
        detail = ""
        try:
            async for _ in self.stream(request):
                pass
        except ModelError as exc:
            detail = f"{exc.code}: {exc}"
        return Readiness(
            ready=not detail, model=self.name, duration_ms=(self._clock() - started) * 1_000, detail=detail
        )

    async def _send(
        self, method: str, path: str, *, bound: Bound, headers: dict[str, str], body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """The response with status 200, its body still unread."""
        endpoint = self._endpoint
        if endpoint.api_key is not None:
            headers["Authorization"] = f"Bearer {endpoint.api_key.get_secret_value()}"
        try:
            async with asyncio.timeout_at(bound.at):
                response = await self._open_session().request(
                    method,
                    endpoint.url(path),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=endpoint.connect_timeout_s),
                )
        except aiohttp.ServerTimeoutError as exc:
            limit_s = endpoint.connect_timeout_s
            raise ModelTimeoutError(f"no connection to {self.name} within {limit_s:g} s", timeout_s=limit_s) from exc
        except TimeoutError as exc:
            raise ModelTimeoutError(
                f"{self.name} sent nothing within {bound.length_s:g} s", timeout_s=bound.length_s
            ) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise ModelUnavailableError(f"{self.name} cannot be reached: {exc}") from exc
        if response.status != HTTPStatus.OK:
            raise await self._failure(response)
        return response

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        if self._owned is None:
            self._owned = open_model_session()
        return self._owned

    async def _failure(self, response: aiohttp.ClientResponse) -> ModelError:
        try:
            async with asyncio.timeout(self._endpoint.chunk_timeout_s):
                body = await response.content.read(_ERROR_BODY_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError):
            body = b""  # the status alone decides the kind of error
        finally:
            response.close()
        message = f"{self.name} answered {response.status}: {self._without_key(endpoint_message(body))}"
        if response.status in _WORTH_A_RETRY or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            retry_after_s = _retry_after_s(response.headers.get("Retry-After"), now=datetime.now(UTC))
            return ModelUnavailableError(message, status=response.status, retry_after_s=retry_after_s)
        return ModelRejectedError(message, status=response.status)

    def _without_key(self, text: str) -> str:
        """`text` with the API key struck out, since some endpoints quote it when they refuse it."""
        key = self._endpoint.api_key
        return text.replace(key.get_secret_value(), "***") if key is not None and key.get_secret_value() else text


async def probe(endpoint: ModelEndpoint, session: aiohttp.ClientSession | None = None) -> Readiness:
    """Whether `endpoint` generates now: one real token, within its own bounds; never raises a ModelError."""
    async with OpenAIChatModel(endpoint, session) as model:
        return await model.probe()


def _retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: a number or a date), or None."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
