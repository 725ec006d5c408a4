"""Embedders: shape, determinism, and how they fail. The real model runs where its files are at hand."""

import asyncio
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.embedding.http import HttpEmbedder
from hortus_memory.embedding.minilm import MiniLmEmbedder
from hortus_memory.errors import EmbeddingError

MINILM_DIR = os.environ.get("HORTUS_TEST_MINILM_DIR")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_hash_embedder_is_deterministic_and_normalised():
    first, again = await HashEmbedder(32).embed(["red apple", "red apple"])
    assert first == again
    assert math.isclose(cosine(first, first), 1.0, rel_tol=1e-9)


async def test_hash_embedder_is_nearer_for_shared_words():
    red, reddish, blue = await HashEmbedder(256).embed(["red apple pie", "red apples", "blue whale song"])
    assert cosine(red, reddish) > 0.7
    assert cosine(red, blue) < 0.3


async def test_hash_embedder_gives_a_unit_vector_for_no_words():
    (vector,) = await HashEmbedder(8).embed([""])
    assert vector == [1.0] + [0.0] * 7


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """Starts a real embeddings endpoint with the given answer; returns its base URL."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_post("/v1/embeddings", answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}/v1"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_http_embedder_batches_normalises_and_keeps_the_order(serve):
    requests = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        requests.append((request.headers["Authorization"], body["model"], body["input"]))
        rows = [{"index": n, "embedding": [3.0 * float(text), 4.0]} for n, text in enumerate(body["input"])]
        return web.json_response({"data": rows[::-1], "model": "m", "usage": {}})

    async with HttpEmbedder(await serve(answer), "m", 2, api_key="k", batch_size=2) as embedder:
        vectors = await embedder.embed(["1", "0", "1"])

    assert vectors == [[0.6, 0.8], [0.0, 1.0], [0.6, 0.8]]
    assert requests == [("Bearer k", "m", ["1", "0"]), ("Bearer k", "m", ["1"])]


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        ({"data": [{"index": 0, "embedding": [1.0, 2.0, 3.0]}]}, 200, "3 dimensions"),
        ({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, 200, "length 0"),
        ({"data": []}, 200, "0 vectors for 1 texts"),
        ({"detail": "no"}, 200, "unknown form"),
        ({"error": "model not found"}, 404, "404: .*model not found"),
    ],
)
async def test_http_embedder_refuses_wrong_answers(serve, reply, status, reason):
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(reply, status=status)

    async with HttpEmbedder(await serve(answer), "m", 2) as embedder:
        with pytest.raises(EmbeddingError, match=reason):
            await embedder.embed(["x"])


async def test_http_embedder_gives_up_in_time(serve):
    asked_to_end = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")  # headers and a first byte come in time, the rest does not
        await asked_to_end.wait()
        return response

    async with HttpEmbedder(await serve(answer), "m", 2, timeout_s=0.3) as embedder:
        with pytest.raises(EmbeddingError, match=r"did not answer within 0\.3 s"):
            await embedder.embed(["x"])
    asked_to_end.set()


async def test_http_embedder_reports_an_unreachable_server():
    async with HttpEmbedder("http://127.0.0.1:9/v1", "m", 2) as embedder:
        with pytest.raises(EmbeddingError, match="not reachable"):
            await embedder.embed(["x"])


async def test_minilm_names_a_missing_file(tmp_path: Path):
    with pytest.raises(EmbeddingError, match=r"model\.onnx does not exist"):
        await MiniLmEmbedder.load(tmp_path / "model.onnx", tmp_path / "tokenizer.json")


async def test_minilm_refuses_files_that_are_no_model(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EmbeddingError, match="cannot load"):
        await MiniLmEmbedder.load(tmp_path / "model.onnx", tmp_path / "tokenizer.json")


def test_onnx_runtime_reports_nothing_to_its_maker(tmp_path: Path):
    # It is silent where `CI` is set, so that a test there would always pass.
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-c", "import hortus_memory.embedding.minilm"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert list(tmp_path.rglob("*")) == [], "an identifier of this machine was written"


@pytest.fixture
async def minilm() -> MiniLmEmbedder:
    if MINILM_DIR is None:
        pytest.skip("HORTUS_TEST_MINILM_DIR names no folder with model.onnx and tokenizer.json")
    folder = Path(MINILM_DIR)
    return await MiniLmEmbedder.load(folder / "model.onnx", folder / "tokenizer.json", batch_size=4)


@pytest.mark.realmodel
async def test_minilm_knows_paraphrases(minilm: MiniLmEmbedder):
    cat, feline, stocks = await minilm.embed(
        ["A cat sits on the mat.", "A feline is resting on a rug.", "Shares fell sharply on Monday."]
    )
    assert len(cat) == minilm.dimension == 384
    assert cosine(cat, cat) == pytest.approx(1.0, abs=1e-5)
    assert cosine(cat, feline) > 0.5
    assert cosine(cat, stocks) < 0.15


@pytest.mark.realmodel
async def test_minilm_vector_does_not_depend_on_the_batch(minilm: MiniLmEmbedder):
    (alone,) = await minilm.embed(["short text"])
    beside = await minilm.embed(["short text", "a much longer text " * 30, "x", "y", "short text"])
    assert cosine(alone, beside[0]) > 0.99
    assert cosine(alone, beside[4]) > 0.99


@pytest.mark.realmodel
async def test_minilm_takes_empty_and_overlong_texts(minilm: MiniLmEmbedder):
    vectors = await minilm.embed(["", "word " * 5000])
    assert all(cosine(vector, vector) == pytest.approx(1.0, abs=1e-5) for vector in vectors)
    assert await minilm.embed([]) == []
