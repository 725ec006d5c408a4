from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from hortus_server.adapters.embedded import model_server, postgres, qdrant, valkey
from hortus_server.adapters.embedded.component import Component, Display
from hortus_server.adapters.embedded.errors import EmbeddedError, PlatformError
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.model_server import EmbeddedModelServer
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.postgres import EmbeddedPostgres
from hortus_server.adapters.embedded.qdrant import EmbeddedQdrant
from hortus_server.adapters.embedded.valkey import EmbeddedValkey
from hortus_server.adapters.embedded.weights.catalogue import (
    DEFAULT_CHAT_MODEL,
    EMBEDDING_MODEL,
    find_model,
)
from hortus_server.adapters.embedded.weights.sources import HubSource, WeightSource
from hortus_server.adapters.embedded.weights.store import WeightsStore
from hortus_server.adapters.embedded.weights.wheels import WheelSource

EMBEDDINGS = "embeddings"
SECRETS_KEY = "secrets_key"
PUBLIC_HUB = "https://huggingface.co"
EXTERNAL_URLS = {
    postgres.NAME: "HORTUS_DATABASE_URL",
    valkey.NAME: "HORTUS_BROKER_URL",
    qdrant.NAME: "HORTUS_QDRANT_URL",
    model_server.NAME: "HORTUS_MODEL_URL",
    EMBEDDINGS: "HORTUS_EMBEDDING_URL",
}
PASSED_ON = (
    "HORTUS_QDRANT_API_KEY",
    "HORTUS_MODEL_NAME",
    "HORTUS_MODEL_API_KEY",
    "HORTUS_EMBEDDING_KIND",
    "HORTUS_EMBEDDING_PATH",
    "HORTUS_SECRETS_KEY",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """What `hortus up` was asked for.

    `external` maps a component's URL variable, or one that goes with it, to its value: that component is
    not started. `only` limits what is started; None means everything. `ports` fixes ports by component.
    `model_file` is a GGUF file of the user's own, used where it lies and not checked against a pin.
    `model_hub` is the base URL of a model hub; empty asks none.
    """

    home: HortusHome
    external: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    model_id: str = DEFAULT_CHAT_MODEL
    model_file: Path | None = None
    model_hub: str = PUBLIC_HUB
    model_slots: int = 4
    model_context_tokens: int = 4096
    model_threads: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "EmbeddedOptions":
        """Read the variables that concern the embedded mode out of a mapping, for the caller to refine."""
        names = (*EXTERNAL_URLS.values(), *PASSED_ON)
        file = environment.get("HORTUS_MODEL_FILE")
        return cls(
            home=HortusHome.locate(environment),
            external={name: environment[name] for name in names if environment.get(name)},
            model_id=environment.get("HORTUS_EMBEDDED_MODEL") or DEFAULT_CHAT_MODEL,
            model_file=Path(file).expanduser().absolute() if file else None,
            model_hub=environment.get("HORTUS_MODEL_HUB", PUBLIC_HUB),
        )

    def starts(self, component: str) -> bool:
        """Whether this embedded component is to be started here."""
        wanted = self.only is None or component in self.only
        if component == EMBEDDINGS:
            elsewhere = "HORTUS_EMBEDDING_PATH" in self.external
            in_process = self.external.get("HORTUS_EMBEDDING_KIND", "minilm") == "minilm"
            wanted = wanted and in_process and not elsewhere
        return wanted and EXTERNAL_URLS.get(component) not in self.external

    @property
    def served_model(self) -> str:
        """The name under which the model server offers its model."""
        return self.model_file.stem if self.model_file is not None else self.model_id


@dataclass(frozen=True, slots=True)
class EmbeddedPlan:
    """Components in no particular order, and the environment that lets our own processes find them."""

    components: tuple[Component, ...]
    environment: Mapping[str, str]


def weight_sources(options: EmbeddedOptions) -> list[WeightSource]:
    """Where missing weights are looked for, in order."""
    return [HubSource(options.model_hub), WheelSource(tools=options.home.folder("run"))]


async def embedded_components(options: EmbeddedOptions) -> EmbeddedPlan:
    """Plan what runs on this machine: ports are assigned, secrets made, nothing is started.

    The home must exist and be locked by the caller.

    Raises:
        PortTakenError: A port that was asked for by number is in use.
        PlatformError: A component cannot run under this user, or a model file is missing.
        UnknownModelError: No such model in the catalogue.
    """
    book = PortBook(options.home.run / "ports.json")
    components: list[Component] = []
    environment = dict(options.external)
    environment["HORTUS_MODE"] = "embedded"
    environment["HORTUS_HOME"] = str(options.home.root)
    environment["HORTUS_MODELS_DIR"] = str(options.home.models)
    if "HORTUS_SECRETS_KEY" not in options.external:
        environment["HORTUS_SECRETS_KEY_FILE"] = str(options.home.secret_file(SECRETS_KEY))
    environment["HORTUS_AUDIT_ANCHOR_FILE"] = str(options.home.log / "audit-anchors.jsonl")

    def port(name: str) -> int:
        return book.assign(name, options.ports.get(name))

    if options.starts(postgres.NAME):
        database = await EmbeddedPostgres.at(options.home, port(postgres.NAME))
        components.append(database.component())
        environment["HORTUS_DATABASE_URL"] = database.dsn
    if options.starts(valkey.NAME):
        broker = EmbeddedValkey(options.home, port(valkey.NAME))
        components.append(broker.component())
        environment["HORTUS_BROKER_URL"] = broker.url
    if options.starts(qdrant.NAME):
        vectors = EmbeddedQdrant(options.home, port(qdrant.NAME))
        components.append(vectors.component())
        environment |= {"HORTUS_QDRANT_URL": vectors.url, "HORTUS_QDRANT_API_KEY": vectors.api_key}
    if options.starts(model_server.NAME):
        component, variables = _model(options, port)
        components.append(component)
        environment |= variables
    if options.starts(EMBEDDINGS):
        components.append(_embeddings(options))
        environment["HORTUS_EMBEDDING_PATH"] = str(options.home.models / EMBEDDING_MODEL)
    elif "HORTUS_EMBEDDING_URL" in options.external:
        environment.setdefault("HORTUS_EMBEDDING_KIND", "http")
    return EmbeddedPlan(tuple(components), environment)


def _model(options: EmbeddedOptions, port: Callable[[str], int]) -> tuple[Component, dict[str, str]]:
    store = WeightsStore(options.home.models)
    if options.model_file is not None:
        if not options.model_file.is_file():
            raise PlatformError(f"HORTUS_MODEL_FILE: there is no file {options.model_file}")
        weights, prepare = options.model_file, None
    else:
        model = find_model(options.model_id)
        if model.kind != "chat":
            raise EmbeddedError(f"{model.id} is no chat model")
        weights = store.path(model, model.file[0])

        async def prepare_weights(display: Display) -> None:
            await store.ensure(model, sources=weight_sources(options), display=display)

        prepare = prepare_weights
    server = EmbeddedModelServer(
        home=options.home,
        port=port(model_server.NAME),
        model_id=options.served_model,
        weights=weights,
        slots=options.model_slots,
        context_tokens=options.model_context_tokens,
        threads=options.model_threads,
    )
    variables = {
        "HORTUS_MODEL_URL": server.url,
        "HORTUS_MODEL_NAME": server.model_id,
        "HORTUS_MODEL_API_KEY": server.api_key,
    }
    return server.component(prepare), variables


def _embeddings(options: EmbeddedOptions) -> Component:
    """The embedding model has no process of its own; this only brings its files."""

    async def prepare(display: Display) -> None:
        store = WeightsStore(options.home.models)
        await store.ensure(find_model(EMBEDDING_MODEL), sources=weight_sources(options), display=display)

    return Component(name=EMBEDDINGS, prepare=prepare)


def without_credentials(url: str) -> str:
    """The URL as it may be shown: scheme, host, port and path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
