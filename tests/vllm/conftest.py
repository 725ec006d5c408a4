"""What `make test-vllm` runs against.

`HORTUS_TEST_VLLM_URL` (with `/v1`; `HORTUS_TEST_VLLM_API_KEY` if it wants one) names a running server, which should
serve nobody else meanwhile. Otherwise `HORTUS_TEST_VLLM` names the executable (else `vllm` on PATH) and
`HORTUS_TEST_VLLM_MODEL` a folder with a model. docs/guides/vllm.md says how to come by both on a machine without a GPU.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fixtures_machine import Machine, open_machine
from vllm_server import TEST_S, VllmServer, attach_vllm, start_vllm

from hortus_agents.models.openai_http import OpenAIChatModel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow by nature: real generations on whatever machine this is."""
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    if url := os.environ.get("HORTUS_TEST_VLLM_URL"):
        yield attach_vllm(url, os.environ.get("HORTUS_TEST_VLLM_API_KEY", ""))
        return
    executable = os.environ.get("HORTUS_TEST_VLLM") or shutil.which("vllm")
    model = os.environ.get("HORTUS_TEST_VLLM_MODEL")
    if executable is None:
        pytest.skip("vLLM is not installed: set HORTUS_TEST_VLLM_URL or HORTUS_TEST_VLLM (docs/guides/vllm.md)")
    if model is None:
        pytest.skip("HORTUS_TEST_VLLM_MODEL names no folder with a model (docs/guides/vllm.md)")
    with start_vllm(Path(executable), model, tmp_path_factory.mktemp("vllm") / "vllm.log") as started:
        yield started


@pytest.fixture
async def model(vllm_server: VllmServer) -> AsyncIterator[OpenAIChatModel]:
    async with OpenAIChatModel(vllm_server.endpoint()) as connected:
        yield connected


@pytest.fixture(scope="session")
def machine(vllm_server: VllmServer) -> Iterator[Machine]:
    """`hortus up` on that server."""
    settings = {
        "HORTUS_MODEL_URL": vllm_server.url,
        "HORTUS_MODEL_NAME": vllm_server.model,
        "HORTUS_MODEL_API_KEY": vllm_server.key,
        "HORTUS_MODEL_TOOL_MODE": "constrained",
        "HORTUS_MODEL_FIRST_BYTE_TIMEOUT_S": "600",
    }
    with open_machine(settings) as opened:
        yield opened
