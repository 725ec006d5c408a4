import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from cluster import Cluster, wait_for_port
from fixtures_postgres import create_database, drop_database, settings_for
from fixtures_valkey import ValkeyServer
from stack_parts import free_port

from hortus_agents.models.scripted import ScriptedModel
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.settings import DatabaseSettings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Worker processes import for seconds, more on a busy machine, and fixtures count into a test's time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def broker_url(own_valkey: ValkeyServer) -> str:
    return own_valkey.url


@pytest.fixture(scope="session")
def qdrant_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded engine, shared; tenants keep the tests apart."""
    folder = tmp_path_factory.mktemp("qdrant")
    port = free_port()
    module = "hortus_server.adapters.embedded.qdrant_engine"
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(
            [sys.executable, "-m", module, "--path", str(folder / "store"), "--port", str(port)],
            stdout=log,
            stderr=log,
        )
    wait_for_port(port)
    yield f"http://127.0.0.1:{port}"
    engine.kill()
    engine.wait(10)


UNSCRIPTED = {"rules": [{"reply": {"json": {"answer": "unscripted"}}}]}


@pytest.fixture
async def cluster(
    database_settings: DatabaseSettings,
    store: PostgresStore,
    own_valkey: ValkeyServer,
    qdrant_url: str,
    tmp_path: Path,
) -> AsyncIterator[Cluster]:
    """Everything but the workers, which a test starts, and may kill, itself."""
    async with ScriptedModel(UNSCRIPTED) as model:
        made = await Cluster.make(
            store, model, broker=own_valkey, database_url=database_settings.url, qdrant_url=qdrant_url, folder=tmp_path
        )
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture(scope="module")
def module_database(postgres_url: str, template_database: str) -> Iterator[DatabaseSettings]:
    name = f"hortus_test_{uuid4().hex[:12]}"
    create_database(postgres_url, name, template_database)
    yield settings_for(postgres_url, name)
    drop_database(postgres_url, name)


@pytest.fixture(scope="module")
def module_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    module_database: DatabaseSettings,
    module_valkey: ValkeyServer,
    qdrant_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Cluster]:
    """Two workers and beat, shared by the tests of a module that leave them alone."""
    store = await PostgresStore.open(module_database)
    async with ScriptedModel(UNSCRIPTED) as model:
        made = await Cluster.make(
            store,
            model,
            broker=module_valkey,
            database_url=module_database.url,
            qdrant_url=qdrant_url,
            folder=tmp_path_factory.mktemp("workers"),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(made.start_worker_and_beat())
                group.create_task(made.start_worker())
            yield made
        finally:
            await made.close()
            await store.close()
