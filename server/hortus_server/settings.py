"""The only reader of the environment. Built by `wiring` at start-up, never at import."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from hortus_server.domain.rates import RateDefaults
from hortus_server.model_settings import EmbeddingSettings, Group, ModelSettings
from hortus_server.security_settings import AuditSettings, OidcSettings, SecretsSettings

COMMAND_VARIABLES = frozenset({"HORTUS_API_KEY", "HORTUS_MODEL_FILE", "HORTUS_MODEL_HUB"})
"""Read by commands, not by servers, though they look like fields of the groups `api` and `model`."""

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:,]*)(:\d+)?"
_HOSTS = re.compile(f"{_HOST}(,{_HOST})*")


class ApiSettings(Group):
    """The HTTP edge."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8420, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    body_limit_bytes: int = Field(default=1_048_576, ge=1024, description="largest request body, in bytes")
    socket_frame_limit_bytes: int = Field(default=262_144, ge=1024, description="largest WebSocket frame, in bytes")
    heartbeat_s: float = Field(default=15.0, gt=0, description="seconds between heartbeats on a stream")
    reader_buffer: int = Field(default=1024, ge=16, description="items buffered per stream before its reader is slow")
    connections: int = Field(default=2000, ge=1, description="open connections per process")
    shutdown_s: float = Field(default=5.0, gt=0, description="seconds that open streams get at shutdown")
    public_url: str | None = Field(default=None, description="URL under which people reach the server")
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="proxies whose X-Forwarded-For is believed: JSON list of addresses and networks"
    )
    queue_depth: int = Field(default=10_000, ge=1, description="queued runs per tenant before new ones are refused")
    send_timeout_s: float = Field(default=10.0, gt=0, description="seconds until a reader that takes nothing is slow")
    stuck_queued_s: float = Field(default=60.0, gt=0, description="seconds of silence until a queued run is stuck")
    stuck_running_s: float = Field(default=300.0, gt=0, description="seconds of silence until a running run is stuck")
    stuck_waiting_s: float = Field(default=3_600.0, gt=0, description="seconds that a person or a child may take")
    stuck_paused_s: float = Field(default=86_400.0, gt=0, description="seconds that a run may stay paused or frozen")
    cookie_secret: SecretStr | None = Field(
        default=None, description="signs the admin UI's logins, 32 characters or more; without it there is no login"
    )
    login_idle_s: float = Field(default=43_200, ge=60, description="seconds without a request that end a user's login")
    login_days: float = Field(default=7, gt=0, le=90, description="days after which a user signs in again in any case")


class DatabaseSettings(Group):
    """PostgreSQL, the only truth."""

    url: SecretStr = Field(description="postgresql://user:password@host:port/name")
    pool_size: int = Field(default=16, ge=1, le=500, description="connections per process at most")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to wait for a connection")
    statement_timeout_s: float = Field(default=15.0, gt=0, description="seconds that one statement may take")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        # The driver's own complaints repeat what it could not read, with the password in it.
        text = url.get_secret_value()
        if not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        place = text.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
        if not _HOSTS.fullmatch(place) or re.search(r"%(?![0-9A-Fa-f]{2})", text):
            raise ValueError("host or port cannot be read; in a password % is written %25, @ %40, : %3A, / %2F, # %23")
        return url


class BrokerSettings(Group):
    """Valkey or Redis: wake-ups and live tokens."""

    url: SecretStr = Field(description="redis://:password@host:port/0")
    timeout_s: float = Field(default=3.0, gt=0, description="seconds that one command may take")


class QdrantSettings(Group):
    """The vector index."""

    url: str = Field(description="http://host:port")
    api_key: SecretStr | None = Field(default=None, description="api key, if the server wants one")
    timeout_s: float = Field(default=4.0, gt=0, description="seconds that one call may take")


class WorkerSettings(Group):
    """The Celery worker."""

    concurrency: int = Field(default=100, ge=1, le=10_000, description="runs in progress per process at most")
    pool: Literal["asyncio", "threads"] = Field(default="asyncio", description="threads is the documented fallback")
    batch_share: float = Field(
        default=0.1, ge=0, le=1, description="share of claims in which batch runs go before interactive ones"
    )
    lease_s: float = Field(default=10.0, gt=0, description="seconds until a silent worker's runs are taken over")
    heartbeat_s: float = Field(default=0.25, gt=0, description="seconds between looks at leases and stop requests")
    ready_file: Path | None = Field(
        default=None, description="file that gets this process's id once it consumes messages (beat: sends them)"
    )
    watch_s: float = Field(default=0.4, gt=0, description="seconds between two looks for processes that died")
    reaper_s: float = Field(default=2.0, gt=0, description="seconds between two looks for lost wake-ups")
    due_s: float = Field(default=1.0, gt=0, description="seconds between two looks for due schedules and deliveries")
    drain_s: float = Field(default=20.0, gt=0, description="seconds that running steps get at a warm shutdown")
    delta_interval_ms: float = Field(default=25.0, ge=0, description="token pieces are joined within this time")
    events_keep_days: float = Field(default=0, ge=0, le=36_500, description="days events outlive their run; 0: always")
    metrics_host: str = Field(default="127.0.0.1", description="address that the worker's metrics are served on")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="port of the worker's metrics; 0 serves none")
    spans: bool = Field(default=False, description="export OpenTelemetry spans (needs the otel extra)")
    plugins: tuple[Annotated[str, Field(pattern=r"^[\w.]+:[\w.]+$")], ...] = Field(
        default=(), description="tools of your own: JSON list of `module:function`, each of which returns tools"
    )


class SandboxSettings(Group):
    """Where model-written code runs."""

    tier: Literal["auto", "gvisor", "bubblewrap", "landlock", "interpreter"] = Field(
        default="auto", description="isolation to use; auto is the first that works, down to the minimum"
    )
    minimum: int = Field(
        default=1,
        ge=0,
        le=2,
        description="least tier: 2 gVisor, 1 bubblewrap or Landlock, 0 an interpreter of pure functions without walls",
    )
    required: bool = Field(
        default=False, description="a worker without such isolation does not start, instead of refusing code"
    )
    concurrency: int = Field(default=4, ge=1, le=256, description="sandboxes at the same time per worker")
    http_allow_private: tuple[str, ...] = Field(
        default=(), description="host:port pairs in private ranges that http_get may reach nevertheless"
    )


class WebhooksSettings(Group):
    """Deliveries to applications."""

    allow_private: tuple[str, ...] = Field(
        default=(), description="host:port pairs, and networks (10.1.0.0/16), that deliveries may reach though private"
    )
    https_only: bool = Field(default=False, description="refuse endpoints without TLS")
    connect_timeout_s: float = Field(default=3.0, gt=0, le=30, description="seconds to reach an endpoint")
    timeout_s: float = Field(default=10.0, gt=0, le=45, description="seconds that an endpoint has to answer")
    retry_s: tuple[Annotated[float, Field(gt=0, le=7 * 86_400)], ...] = Field(
        default=(5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400),
        max_length=50,
        description="seconds after each failed attempt until the next; then the delivery is dead",
    )
    disable_after_days: float = Field(
        default=5.0, gt=0, description="days without any arrival until an endpoint is disabled"
    )
    keep_days: float = Field(default=30.0, gt=0, description="days that ended deliveries, and firings, are kept")

    @field_validator("allow_private")
    @classmethod
    def _are_addresses(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            if "/" in entry:
                ip_network(entry)
            elif not entry.rpartition(":")[2].isdigit() or not entry.rpartition(":")[0]:
                raise ValueError(f"{entry} is neither host:port nor a network")
        return entries


class LogSettings(Group):
    """Logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least severe level shown")
    format: Literal["auto", "json", "console"] = Field(default="auto", description="auto is console on a terminal")


class Settings(BaseSettings):
    """All settings; `HORTUS_DATABASE_URL` sets `database.url`, and so on."""

    model_config = SettingsConfigDict(
        env_prefix="HORTUS_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".hortus", description="data directory of the embedded services"
    )
    mode: Literal["embedded", "external"] = Field(default="external", description="who started the services")
    api: ApiSettings = ApiSettings()
    limits: RateDefaults = RateDefaults()
    database: DatabaseSettings
    broker: BrokerSettings
    qdrant: QdrantSettings
    model: ModelSettings
    embedding: EmbeddingSettings = EmbeddingSettings()
    worker: WorkerSettings = WorkerSettings()
    sandbox: SandboxSettings = SandboxSettings()
    webhooks: WebhooksSettings = WebhooksSettings()
    audit: AuditSettings = AuditSettings()
    secrets: SecretsSettings = SecretsSettings()
    oidc: OidcSettings = OidcSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes all of them by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment alone, without the variables of commands."""
        if isinstance(env_settings, EnvSettingsSource):
            found = env_settings.env_vars.items()
            env_settings.env_vars = {name: value for name, value in found if name.upper() not in COMMAND_VARIABLES}
        return init_settings, env_settings

    @model_validator(mode="after")
    def _oidc_knows_its_address(self) -> "Settings":
        if self.oidc.issuer and not self.api.public_url:
            raise ValueError("HORTUS_API_PUBLIC_URL is needed with HORTUS_OIDC_ISSUER: people come back to it")
        return self

    @model_validator(mode="after")
    def _embedding_is_complete(self) -> "Settings":
        if self.embedding.kind == "minilm" and self.embedding.path is None:
            raise ValueError("HORTUS_EMBEDDING_PATH is needed for the embedding kind minilm (or set the kind to http)")
        if self.embedding.kind == "http" and self.embedding.url is None:
            raise ValueError("HORTUS_EMBEDDING_URL is needed for the embedding kind http")
        if self.embedding.kind == "hash" and self.mode != "embedded":
            raise ValueError("the embedding kind hash knows no meanings; it is for tests in the embedded mode")
        return self


class DatabaseEnvironment(BaseSettings):
    """The database alone, for commands that need nothing else."""

    model_config = Settings.model_config

    database: DatabaseSettings


class SecretsEnvironment(BaseSettings):
    """The keys that seal secrets alone, for their rotation."""

    model_config = Settings.model_config

    secrets: SecretsSettings = SecretsSettings()


class SandboxEnvironment(BaseSettings):
    """Only the sandbox, for checks on a machine whose server need not be set up."""

    model_config = Settings.model_config

    sandbox: SandboxSettings = SandboxSettings()


class BrokerEnvironment(BaseSettings):
    """The broker alone, for the check of workers."""

    model_config = Settings.model_config

    broker: BrokerSettings
