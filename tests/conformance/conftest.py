"""Vector index servers for the conformance suite: the embedded engine, and a real server when one is given."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_process import EngineProcess

from hortus_memory.adapters.qdrant import QdrantIndex, connect_qdrant
from hortus_memory.embedding.hashed import HashEmbedder

SERVER_URL = os.environ.get("HORTUS_TEST_QDRANT_URL")
SERVER_KEY = os.environ.get("HORTUS_TEST_QDRANT_API_KEY")

MakeIndex = Callable[..., QdrantIndex]


@pytest.fixture(scope="session")
def embedded_qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path_factory.mktemp("qdrant") / "store")
    yield engine
    engine.kill()


@pytest.fixture(params=["embedded", "server"])
def qdrant_url(request: pytest.FixtureRequest) -> str:
    if request.param == "embedded":
        engine: EngineProcess = request.getfixturevalue("embedded_qdrant")
        return engine.url
    if SERVER_URL is None:
        pytest.skip("HORTUS_TEST_QDRANT_URL names no Qdrant server")
    return SERVER_URL


@pytest.fixture
async def client(qdrant_url: str) -> AsyncIterator[AsyncQdrantClient]:
    key = SERVER_KEY if qdrant_url == SERVER_URL else None
    connected = connect_qdrant(qdrant_url, api_key=key, timeout_s=10)
    yield connected
    await connected.close()


@pytest.fixture
async def make_index(client: AsyncQdrantClient) -> AsyncIterator[MakeIndex]:
    """Indexes over one fresh collection, which is deleted afterwards."""
    collection = f"test-{uuid4().hex}"

    def make(embedder: object | None = None, **options: object) -> QdrantIndex:
        settings = {"keyword_fields": ("kind", "agent"), "timeout_s": 10, **options}
        return QdrantIndex(client, collection, embedder or HashEmbedder(64), **settings)  # type: ignore[arg-type]

    yield make
    await client.delete_collection(collection)


@pytest.fixture
def engine_path(tmp_path: Path) -> Path:
    return tmp_path / "store"
