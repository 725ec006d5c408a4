"""Groups of settings about models; `settings` gathers all groups, and alone reads the environment."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hortus_agents.limits import TokenPrice
from hortus_agents.models.endpoint import Continues
from hortus_agents.spec import ToolMode


class Group(BaseModel):
    """A frozen group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RouteEndpoint(Group):
    """One of the endpoints of a model; what is not given is as in the group `model`."""

    url: str = Field(pattern=r"^https?://", description="base URL that ends in /v1")
    name: str = Field(default="", description="the model's name there; empty is the name that agents use")
    api_key: SecretStr | None = Field(default=None, description="bearer token, if the endpoint wants one")
    continues: Continues | None = Field(default=None, description="how it goes on with a begun answer")
    concurrency: int | None = Field(default=None, ge=1, le=100_000, description="requests per process")
    metrics_url: str | None = Field(default=None, description="where it reports its load; empty: it does not")


class ModelRoute(Group):
    """A model behind several endpoints."""

    endpoints: tuple[RouteEndpoint, ...] = Field(min_length=1, max_length=100)
    tool_mode: ToolMode | None = Field(default=None, description="one for all, since prompts are laid out by it")
    price: TokenPrice | None = Field(default=None, description="as in HORTUS_MODEL_PRICES")


class ModelSettings(Group):
    """Where models answer, in OpenAI's chat-completions API."""

    url: str = Field(default="", description="base URL that ends in /v1; needed unless `HORTUS_MODEL_ROUTES` names all")
    name: str = Field(default="", description="model to ask for; empty takes the endpoint's first")
    api_key: SecretStr | None = Field(default=None, description="bearer token, if the endpoint wants one")
    tool_mode: ToolMode = Field(default="constrained", description="native tool calls, or one JSON object per step")
    continues: Continues = Field(
        default="auto", description="how it goes on with a begun answer: vllm, prefill (llama.cpp), none; auto asks it"
    )
    first_byte_timeout_s: float = Field(default=180.0, gt=0, description="seconds until the first token")
    chunk_timeout_s: float = Field(default=60.0, gt=0, description="seconds between two tokens")
    prices: dict[str, TokenPrice] = Field(
        default_factory=dict,
        description='money per million tokens, by model: {"NAME": {"prompt": 0.1, "completion": 0.4, "cached": 0.01}}; '
        "`*` is for models not named; others are free",
    )
    routes: dict[str, ModelRoute] = Field(
        default_factory=dict,
        description='models with endpoints of their own, one or several each: {"NAME": {"endpoints": [{"url": ...}], '
        '"tool_mode": ..., "price": {...}}}; an endpoint takes url, name, api_key, continues, concurrency, metrics_url',
    )
    concurrency: int = Field(
        default=128,
        ge=1,
        le=100_000,
        description="requests per process and endpoint; where it reports its load, at first",
    )
    max_concurrency: int = Field(
        default=512,
        ge=1,
        le=100_000,
        description="requests per process and endpoint at most, where it reports its load",
    )
    metrics: bool = Field(default=True, description="ask each endpoint in use for its load, at /metrics beside /v1")
    queue_s: float = Field(default=60.0, gt=0, le=600, description="seconds that a request waits for a free slot")
    patience_s: float = Field(
        default=600.0, ge=0, description="seconds for which a run waits for endpoints that are down; then it fails"
    )
    breaker_failures: int = Field(default=3, ge=1, le=1000, description="failures in a row that open a circuit")
    breaker_open_s: float = Field(
        default=2.0,
        gt=0,
        le=600,
        description="seconds until an open circuit is probed; doubled after each failed probe",
    )
    breaker_max_open_s: float = Field(default=15.0, gt=0, le=3600, description="seconds between two probes at most")

    @model_validator(mode="after")
    def _has_an_endpoint(self) -> "ModelSettings":
        if not self.url and not self.routes:
            raise ValueError("HORTUS_MODEL_URL is needed, or HORTUS_MODEL_ROUTES")
        return self

    @property
    def price_table(self) -> dict[str, TokenPrice]:
        """Prices by model, those of routes included."""
        return {**self.prices, **{name: route.price for name, route in self.routes.items() if route.price is not None}}


class EmbeddingSettings(Group):
    """Where vectors come from."""

    kind: Literal["minilm", "http", "hash"] = Field(
        default="minilm", description="minilm in process, http for /v1/embeddings, hash for tests only"
    )
    path: Path | None = Field(default=None, description="folder with model.onnx and tokenizer.json, for minilm")
    url: str | None = Field(default=None, description="base URL that ends in /v1, for http")
    model: str = Field(default="", description="model to ask for, for http")
    dimension: int = Field(default=384, ge=8, le=8192, description="length of a vector")
    api_key: SecretStr | None = Field(default=None, description="bearer token, for http")
