"""A vLLM server: one that runs already, or one that is started as docker-compose.yml starts it."""

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
from compose_file import COMPOSE_FILE, SECRETS, load_compose
from pydantic import SecretStr
from stack_parts import free_port, until

from hortus_agents.models.endpoint import ModelEndpoint

figures = logging.getLogger("figures")

START_S = 1200.0  # compiles at its first start
STOP_S = 60.0
TEST_S = 2400.0  # a CPU shared with other work
SUITE_S = TEST_S - 60
KV_CACHE_GIB = "2"
# Of the GPU's memory; a CPU's room for keys and values is set by VLLM_CPU_KVCACHE_SPACE.
NOT_FOR_A_CPU = ("--gpu-memory-utilization",)


@dataclass(frozen=True)
class VllmServer:
    """Where it answers."""

    url: str
    key: str
    model: str

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 where it was never counted."""
        text = httpx.get(f"{self.url.removesuffix('/v1')}/metrics", timeout=30, trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def endpoint(self, **extra_body: object) -> ModelEndpoint:
        """For the model port."""
        return ModelEndpoint(self.model, self.url, SecretStr(self.key) if self.key else None, extra_body=extra_body)


def attach_vllm(url: str, key: str) -> VllmServer:
    """A server that runs already; its first model."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    listed = httpx.get(f"{url}/models", headers=headers, timeout=30, trust_env=False).raise_for_status().json()
    return VllmServer(url, key, listed["data"][0]["id"])


@contextmanager
def start_vllm(executable: Path, model: str, log: Path) -> Iterator[VllmServer]:
    """`vllm serve` with the compose file's flags and environment, on loopback; stopped at the end."""
    key, port = uuid4().hex, free_port()
    values = {**{name: uuid4().hex for name in SECRETS}, "MODEL_API_KEY": key, "VLLM_MODEL": model}
    service = load_compose(COMPOSE_FILE.read_text(encoding="utf-8"), values)["services"]["vllm"]
    command = [part for part in service["command"] if not part.startswith((*NOT_FOR_A_CPU, "--port="))]
    name = next(part.partition("=")[2] for part in command if part.startswith("--served-model-name="))
    environment = {
        **os.environ,
        **{name: str(value) for name, value in service["environment"].items()},
        "PATH": f"{executable.parent}:{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": KV_CACHE_GIB,
    }
    assert service["entrypoint"] == ["vllm", "serve"]
    more = shlex.split(os.environ.get("HORTUS_TEST_VLLM_FLAGS", ""))
    argv = [str(executable), "serve", *command, "--host=127.0.0.1", f"--port={port}", *more]
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        root = f"http://127.0.0.1:{port}"
        until(
            lambda: process.poll() is not None or _answers(f"{root}/health"),
            within_s=START_S,
            why=lambda: log.read_text(errors="replace")[-6000:],
        )
        assert process.poll() is None, log.read_text(errors="replace")[-6000:]
        figures.info("vLLM answers after %.0f s: %s", time.monotonic() - started, " ".join(argv))
        yield VllmServer(f"{root}/v1", key, name)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the server; then SIGKILL to all in its group, since killed it leaves its engine behind."""
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
        figures.info("vLLM ended after %.0f s", time.monotonic() - started)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
