"""The only place that picks adapters: constructors, in order, and nothing else. What any process has at hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import structlog

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.models.openai_http import open_model_session
from hortus_agents.sandbox import FairSandbox, open_sandbox
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_memory.service import EpisodicMemory
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.celery.workers import CeleryWorkerControl
from hortus_server.adapters.endpoint import EndpointModels, ModelProbe
from hortus_server.adapters.memory import Indexes, IndexProbe, open_embedder, open_indexes
from hortus_server.adapters.oidc import open_oidc
from hortus_server.adapters.passwords import Argon2Passwords
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.redis.buckets import RedisBuckets
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.endpoint_reports import RedisEndpointReports
from hortus_server.adapters.redis.live import open_live
from hortus_server.adapters.redis.probe import BrokerProbe
from hortus_server.adapters.redis.streams import open_streams
from hortus_server.adapters.sealing import KeyRing
from hortus_server.adapters.webhook_sender import SenderBounds, open_webhook_sender
from hortus_server.ports.identity_provider import IdentityProvider
from hortus_server.ports.live import LivePublisher, LiveSubscriber
from hortus_server.ports.models import EndpointReports
from hortus_server.ports.passwords import Passwords
from hortus_server.ports.probes import Probe
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.rates import SharedBuckets
from hortus_server.ports.store import Store
from hortus_server.ports.webhook_sender import WebhookSender
from hortus_server.ports.workers import WorkerControl
from hortus_server.security_settings import SecretsSettings
from hortus_server.services.agent_memory import EpisodeIndex, RowsAndIndex
from hortus_server.services.capability_store import RowsAndCapabilityIndex
from hortus_server.services.reveal_secrets import RevealedSecrets
from hortus_server.settings import Settings, WebhooksSettings
from hortus_server.telemetry.blotting import blotting

log = structlog.get_logger()

Role = Literal["api", "worker"]


@dataclass(frozen=True, slots=True)
class Services:
    """What a process has at hand. `sandbox` is a worker's, and None where no isolation holds on this host."""

    settings: Settings
    store: Store
    queue: WakeupQueue
    live: LivePublisher
    streams: LiveSubscriber
    workers: WorkerControl
    models: EndpointModels
    endpoint_reports: EndpointReports
    buckets: SharedBuckets
    indexes: Indexes
    episodes: EpisodicMemory
    memory: RowsAndIndex
    memory_index: EpisodeIndex
    capabilities: RowsAndCapabilityIndex
    sandbox: FairSandbox | None
    webhooks: WebhookSender
    sealer: KeyRing | None
    revealed: RevealedSecrets
    probes: Sequence[Probe]
    passwords: Passwords
    provider: IdentityProvider | None


def load_settings() -> Settings:
    """From the environment."""
    return Settings()


@asynccontextmanager
async def open_services(settings: Settings, *, role: Role) -> AsyncIterator[Services]:
    """Open what an api or worker process needs, on the running loop; all of it closes with the block.

    Raises UnavailableError when PostgreSQL does not answer; everything else may be down and come back.
    """
    broker_url = settings.broker.url.get_secret_value()
    timeout_s = settings.broker.timeout_s
    confidence = ConfidencePolicy()
    revealed = RevealedSecrets()
    async with AsyncExitStack() as stack:
        stack.enter_context(blotting(revealed.in_log))
        store = await PostgresStore.open(settings.database, application_name=f"hortus-{role}")
        stack.push_async_callback(store.close)
        redis = connect_redis(broker_url, timeout_s=timeout_s)
        stack.push_async_callback(redis.aclose)
        live = await stack.enter_async_context(open_live(redis, timeout_s=timeout_s))
        listening = connect_redis(broker_url, timeout_s=timeout_s, retries=0)
        stack.push_async_callback(listening.aclose)
        streams = await stack.enter_async_context(
            open_streams(listening, timeout_s=timeout_s, buffer=settings.api.reader_buffer)
        )
        queue = await stack.enter_async_context(open_wakeups(broker_url, timeout_s=timeout_s))
        session = await stack.enter_async_context(open_model_session())
        embedder = await stack.enter_async_context(open_embedder(settings.embedding))
        indexes = await stack.enter_async_context(open_indexes(settings.qdrant, embedder))
        models = EndpointModels(settings.model, session)
        webhooks = await stack.enter_async_context(open_webhook_sender(_sender_bounds(settings.webhooks)))
        episodes = EpisodicMemory(indexes.episodes, confidence=confidence)
        yield Services(
            settings=settings,
            store=store,
            queue=queue,
            live=live,
            streams=streams,
            workers=CeleryWorkerControl(queue.app),
            models=models,
            endpoint_reports=RedisEndpointReports(redis, timeout_s),
            buckets=RedisBuckets(redis),
            indexes=indexes,
            episodes=episodes,
            memory=RowsAndIndex(store, episodes),
            memory_index=EpisodeIndex(indexes.episodes, episodes, confidence),
            capabilities=RowsAndCapabilityIndex(store, queue, indexes.capabilities, confidence),
            sandbox=await _open_sandbox(settings, stack) if role == "worker" else None,
            webhooks=webhooks,
            sealer=_key_ring(settings.secrets),
            revealed=revealed,
            passwords=Argon2Passwords(),
            provider=await stack.enter_async_context(open_oidc(settings.oidc)) if role == "api" else None,
            probes=(BrokerProbe(redis), IndexProbe(indexes.episodes), ModelProbe(models)),
        )


async def _open_sandbox(settings: Settings, stack: AsyncExitStack) -> FairSandbox | None:
    asked = settings.sandbox
    try:
        sandbox = await open_sandbox(tier=asked.tier, concurrency=asked.concurrency, minimum=asked.minimum)
    except SandboxUnavailableError as error:
        if asked.required:
            raise
        log.warning("sandbox_unavailable", error=str(error))  # model-written code is refused; the rest works
        return None
    stack.push_async_callback(sandbox.aclose)
    return FairSandbox(sandbox, places=asked.concurrency)


def _key_ring(settings: SecretsSettings) -> KeyRing | None:
    key = settings.key.get_secret_value() if settings.key else None
    return KeyRing.load(key, settings.key_file)


def _sender_bounds(settings: WebhooksSettings) -> SenderBounds:
    return SenderBounds(
        private_allow=frozenset(settings.allow_private),
        https_only=settings.https_only,
        connect_timeout_s=settings.connect_timeout_s,
        timeout_s=settings.timeout_s,
    )
