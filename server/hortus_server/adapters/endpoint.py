"""The configured model endpoint: chat models for runs, a catalogue for people, a probe for readiness."""

from dataclasses import dataclass, field

import aiohttp

from hortus_agents.errors import ModelError
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.models.port import ChatModel
from hortus_server.domain.errors import UnavailableError
from hortus_server.ports.probes import ModelInfo
from hortus_server.settings import ModelSettings

DEFAULT = "default"


@dataclass(slots=True)
class EndpointModels:
    """Implements ChatModels and ModelCatalog over one endpoint; names other than `default` are passed on to it."""

    settings: ModelSettings
    session: aiohttp.ClientSession
    _default: str = field(default="", init=False)

    async def get(self, name: str) -> ChatModel:
        """See ChatModels."""
        return self._model(await self._default_name() if name in {"", DEFAULT} else name)

    async def list(self) -> tuple[ModelInfo, ...]:
        """See ModelCatalog."""
        try:
            default = await self._default_name()
            names = sorted(await self._model(default).list_models())
        except ModelError as error:
            raise UnavailableError("model", str(error)) from error
        return tuple(ModelInfo(name, self.settings.tool_mode, is_default=name == default) for name in names)

    async def _default_name(self) -> str:
        """The configured name, or the first that the endpoint serves; asked once."""
        self._default = self._default or self.settings.name
        if not self._default:
            names = await self._model(DEFAULT).list_models()
            self._default = names[0] if names else DEFAULT
        return self._default

    def _model(self, name: str) -> OpenAIChatModel:
        settings = self.settings
        endpoint = ModelEndpoint(
            name=name,
            base_url=settings.url,
            api_key=settings.api_key,
            tool_mode=settings.tool_mode,
            continues=settings.continues,
            first_byte_timeout_s=settings.first_byte_timeout_s,
            chunk_timeout_s=settings.chunk_timeout_s,
        )
        return OpenAIChatModel(endpoint, self.session)


@dataclass(frozen=True, slots=True)
class ModelProbe:
    """Implements Probe: whether the endpoint lists its models. A real generation would cost a slot."""

    models: EndpointModels

    @property
    def component(self) -> str:
        """See Probe."""
        return "model"

    async def check(self) -> str:
        """See Probe."""
        names = [info.name for info in await self.models.list()]
        return f"serves {', '.join(names[:5])}" if names else "serves no model"
