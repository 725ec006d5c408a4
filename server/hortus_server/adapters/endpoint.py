"""The configured model endpoints: chat models for runs, a catalogue for people, a probe for readiness."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import structlog
from pydantic import SecretStr

from hortus_agents.errors import ModelError, ModelRejectedError
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.models.backend import Backend, BackendBounds
from hortus_agents.models.circuit import Circuit, CircuitRules
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.models.port import ChatModel
from hortus_agents.models.routed import Replica, RoutedModel
from hortus_agents.spec import ToolMode
from hortus_server.domain.errors import UnavailableError
from hortus_server.model_settings import ModelSettings, RouteEndpoint
from hortus_server.ports.models import EndpointStatus
from hortus_server.ports.probes import ModelInfo
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

DEFAULT = "default"
LOOK_S = 1.0  # seconds between two looks at the load of endpoints in use
ASKED_S = 1.9  # for one endpoint to list its models, within the two seconds of a probe
_KEPT_MODELS = 256  # agents may name any model of an endpoint; what is known of these is kept


@dataclass(slots=True)
class EndpointModels:
    """Implements ChatModels and ModelCatalog over all endpoints. Names without a route are passed on to `url`.

    One per process, on one event loop. Models of the same address share its circuit and its slots. `on_change` is told
    whenever a circuit changes.
    """

    settings: ModelSettings
    session: aiohttp.ClientSession
    on_change: Callable[[], None] = lambda: None
    _backends: dict[str, Backend] = field(default_factory=dict, init=False)
    _keys: dict[str, SecretStr | None] = field(default_factory=dict, init=False)
    _replicas: dict[str, tuple[Replica, ...]] = field(default_factory=dict, init=False)
    _served: dict[str, OpenAIChatModel] = field(default_factory=dict, init=False)
    _default: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Know every configured address from the start, so that it is shown before it is used."""
        for name, route in self.settings.routes.items():
            self._replicas[name] = tuple(self._replica(name, endpoint) for endpoint in route.endpoints)
        if self.settings.url:
            self._backend(self._own_endpoint())

    async def get(self, name: str, *, affinity: str = "") -> ChatModel:
        """See ChatModels."""
        if name in {"", DEFAULT}:
            try:
                name = await self._default_name()
            except ModelError as error:
                return UnreachedModel(DEFAULT, self.settings.tool_mode, error)
        return RoutedModel(name, self._tool_mode(name), self._of(name), affinity=affinity)

    async def list(self) -> tuple[ModelInfo, ...]:
        """See ModelCatalog."""
        names = set(self.settings.routes)
        try:
            default = await self._default_name()
            if self.settings.url:
                names |= set(await self._plain(DEFAULT).list_models())
        except ModelError as error:
            if not names:
                raise UnavailableError("model", str(error)) from error
            default = self._default or self.settings.name
        return tuple(ModelInfo(name, self._tool_mode(name), is_default=name == default) for name in sorted(names))

    def statuses(self) -> tuple[EndpointStatus, ...]:
        """How each address does, as this process sees it."""
        return tuple(self._status(backend) for backend in self._backends.values())

    async def answering(self) -> Mapping[str, bool]:
        """Which addresses list their models now."""
        async with asyncio.TaskGroup() as group:
            asked = {url: group.create_task(self._answers(url)) for url in self._backends}
        return {self._backends[url].shown_url: task.result() for url, task in asked.items()}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Follow the load of the endpoints in use while the block runs."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            await stop_task(task)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            async with asyncio.TaskGroup() as group:
                for url, backend in self._backends.items():
                    if backend.slots.taken:
                        group.create_task(backend.look(self.session, self._keys[url]))
                        group.create_task(self._learn(backend))

    async def _learn(self, backend: Backend) -> None:
        """How an endpoint goes on with a begun answer is asked while it is up: when it is lost it can tell no more."""
        routed = [one.model for replicas in self._replicas.values() for one in replicas if one.backend is backend]
        own = list(self._served.values()) if backend.url == self.settings.url.rstrip("/") else []
        for model in routed + own:
            await model.can_continue()

    async def _answers(self, url: str) -> bool:
        endpoint = ModelEndpoint(DEFAULT, url, self._keys[url], chunk_timeout_s=ASKED_S)
        try:
            await OpenAIChatModel(endpoint, self.session).list_models()
        except ModelError:
            return False
        return True

    async def _default_name(self) -> str:
        """The configured name, or the first that is served; asked once."""
        self._default = self._default or self.settings.name
        if not self._default and not self.settings.url:
            self._default = next(iter(self.settings.routes))
        if not self._default:
            names = await self._plain(DEFAULT).list_models()
            self._default = names[0] if names else DEFAULT
        return self._default

    def _tool_mode(self, name: str) -> ToolMode:
        route = self.settings.routes.get(name)
        return self.settings.tool_mode if route is None or route.tool_mode is None else route.tool_mode

    def _of(self, name: str) -> tuple[Replica, ...]:
        routed = self._replicas.get(name)
        if routed is not None:
            return routed
        if not self.settings.url:
            known = ", ".join(self.settings.routes)
            raise ModelRejectedError(f"there is no model {name!r} here, but: {known}", status=404)
        return (Replica(self._backend(self._own_endpoint()), self._plain(name)),)

    def _own_endpoint(self) -> RouteEndpoint:
        return RouteEndpoint(url=self.settings.url, api_key=self.settings.api_key)

    def _plain(self, name: str) -> OpenAIChatModel:
        """A model of the address `url`."""
        if name not in self._served:
            while len(self._served) >= _KEPT_MODELS:
                del self._served[next(iter(self._served))]
            self._served[name] = self._model(name, self._own_endpoint())
        return self._served[name]

    def _replica(self, name: str, endpoint: RouteEndpoint) -> Replica:
        return Replica(self._backend(endpoint), self._model(name, endpoint))

    def _model(self, name: str, endpoint: RouteEndpoint) -> OpenAIChatModel:
        settings = self.settings
        return OpenAIChatModel(
            ModelEndpoint(
                name=endpoint.name or name,
                base_url=endpoint.url,
                api_key=endpoint.api_key,
                tool_mode=self._tool_mode(name),
                continues=endpoint.continues or settings.continues,
                first_byte_timeout_s=settings.first_byte_timeout_s,
                chunk_timeout_s=settings.chunk_timeout_s,
            ),
            self.session,
        )

    def _backend(self, endpoint: RouteEndpoint) -> Backend:
        url = endpoint.url.rstrip("/")
        if url not in self._backends:
            settings = self.settings
            rules = CircuitRules(settings.breaker_failures, settings.breaker_open_s, settings.breaker_max_open_s)
            bounds = BackendBounds(
                concurrency=endpoint.concurrency or settings.concurrency,
                max_concurrency=settings.max_concurrency,
                queue_s=settings.queue_s,
                metrics_url=self._metrics_url(endpoint, url),
            )
            circuit = Circuit(rules, on_change=partial(self._changed, url))
            self._backends[url] = Backend(url, bounds, circuit)
            self._keys[url] = endpoint.api_key
        return self._backends[url]

    def _metrics_url(self, endpoint: RouteEndpoint, url: str) -> str | None:
        if endpoint.metrics_url is not None:
            return endpoint.metrics_url or None
        return f"{url.removesuffix('/v1')}/metrics" if self.settings.metrics else None

    def _changed(self, url: str, circuit: Circuit) -> None:
        shown = self._backends[url].shown_url
        if circuit.state == "open":
            log.warning(
                "model_endpoint_down",
                endpoint=shown,
                since=circuit.since.isoformat(),
                error=circuit.last_error,
                probe_in_s=round(circuit.retry_in_s(), 2),
            )
        elif circuit.state == "half_open":
            log.info("model_endpoint_probed", endpoint=shown)
        else:
            log.info("model_endpoint_up", endpoint=shown)
        self.on_change()

    def _status(self, backend: Backend) -> EndpointStatus:
        status = backend.status()
        load = status.load
        routed = [name for name, replicas in self._replicas.items() if any(one.backend is backend for one in replicas)]
        own = backend.url == self.settings.url.rstrip("/")
        models = [*routed, *([self._default or self.settings.name or DEFAULT] if own else [])]
        return EndpointStatus(
            url=status.url,
            models=tuple(dict.fromkeys(models)),
            state=status.state,
            since=status.since,
            alive_at=status.alive_at,
            last_error=status.last_error,
            in_flight=status.in_flight,
            limit=status.limit,
            waiting=status.waiting,
            running=None if load is None else load.running,
            queued=None if load is None else load.waiting,
            cache=None if load is None else load.cache,
            answered=status.answered,
            failed=status.failed,
            refused=status.refused,
        )


@dataclass(frozen=True, slots=True)
class UnreachedModel:
    """Implements ChatModel for a default whose name only its endpoint knows, and that does not answer.

    Calls fail with that error, and a run is as patient with it as with any other.
    """

    name: str
    tool_mode: ToolMode
    error: ModelError

    async def can_continue(self) -> bool:
        """See ChatModel."""
        return False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        """See ChatModel; raises the endpoint's error."""
        if request:
            raise self.error
        yield TextDelta(text="")  # what makes this a generator


@dataclass(frozen=True, slots=True)
class ModelProbe:
    """Implements Probe: whether the endpoints list their models. A real generation would cost a slot."""

    models: EndpointModels

    @property
    def component(self) -> str:
        """See Probe."""
        return "model"

    async def check(self) -> str:
        """See Probe."""
        answering = await self.models.answering()
        down = [url for url, up in answering.items() if not up]
        if len(down) == len(answering):
            raise UnavailableError("model", f"no answer from {', '.join(down)}")
        if down:
            return f"{len(answering) - len(down)} of {len(answering)} endpoints answer; not: {', '.join(down[:5])}"
        names = [info.name for info in await self.models.list()]
        return f"serves {', '.join(names[:5])}" if names else "serves no model"
