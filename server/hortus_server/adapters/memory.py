"""The vector index and what it embeds with, by settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import assert_never

from hortus_memory.adapters.qdrant import QdrantIndex, connect_qdrant
from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.embedding.http import HttpEmbedder
from hortus_memory.embedding.minilm import MiniLmEmbedder
from hortus_memory.ports import Embedder, HybridIndex
from hortus_memory.service import EPISODE_FIELDS
from hortus_server.domain.errors import UnavailableError
from hortus_server.model_settings import EmbeddingSettings
from hortus_server.settings import QdrantSettings

EPISODES = "episodes"
CAPABILITIES = "capabilities"


@dataclass(frozen=True, slots=True)
class Indexes:
    """One collection for what agents lived through, one for what they can do."""

    episodes: HybridIndex
    capabilities: HybridIndex


@asynccontextmanager
async def open_embedder(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    """The configured embedder. Raises EmbeddingError when its files are missing."""
    match settings.kind:
        case "minilm":
            if settings.path is None:
                raise ValueError("the embedding kind minilm needs a path")
            yield await MiniLmEmbedder.load(settings.path / "model.onnx", settings.path / "tokenizer.json")
        case "http":
            key = settings.api_key.get_secret_value() if settings.api_key else None
            async with HttpEmbedder(settings.url or "", settings.model, settings.dimension, api_key=key) as embedder:
                yield embedder
        case "hash":
            yield HashEmbedder(settings.dimension)
        case _ as unreachable:
            assert_never(unreachable)


@asynccontextmanager
async def open_indexes(settings: QdrantSettings, embedder: Embedder) -> AsyncIterator[Indexes]:
    """Both collections over one client; nothing is asked of the server before the first use."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    client = connect_qdrant(settings.url, api_key=key, timeout_s=settings.timeout_s)
    try:
        yield Indexes(
            QdrantIndex(client, EPISODES, embedder, keyword_fields=EPISODE_FIELDS, timeout_s=settings.timeout_s),
            QdrantIndex(client, CAPABILITIES, embedder, timeout_s=settings.timeout_s),
        )
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class IndexProbe:
    """Implements Probe."""

    index: HybridIndex

    @property
    def component(self) -> str:
        """See Probe."""
        return "qdrant"

    async def check(self) -> str:
        """See Probe."""
        if not await self.index.healthy():
            raise UnavailableError("qdrant", "the index does not answer")
        return "answers"
