import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from hortus_server.adapters.embedded.component import Command, Component, Prepare, RestartPolicy
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.ports import LOOPBACK
from hortus_server.adapters.embedded.probes import check_generation, check_http

NAME = "model"
PROCESS_MODULE = "hortus_server.adapters.embedded.model_process"
LOAD_TIMEOUT_S = 300.0
ONE_TOKEN_TIMEOUT_S = 60.0
MOST_THREADS = 16


def default_threads() -> int:
    """As many threads as this process may use cores, sixteen at most."""
    return max(1, min(MOST_THREADS, len(os.sched_getaffinity(0))))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedModelServer:
    """llama.cpp's OpenAI-compatible server on a GGUF file as a child process, on loopback unless `host` says otherwise.

    Four requests run at once (slots), each with `context_tokens` of room; more wait in its queue.
    Prefixes are cached per slot, so byte-stable prompts are answered without prefill.
    `api_key_file` holds the key that clients must send; None takes the home's own.
    """

    home: HortusHome
    port: int
    model_id: str
    weights: Path
    host: str = LOOPBACK
    api_key_file: Path | None = None
    slots: int = 4
    context_tokens: int = 4096
    threads: int = 0
    prompt_cache_mib: int = 512

    @property
    def url(self) -> str:
        """Base URL of the OpenAI-compatible API."""
        return f"http://{LOOPBACK}:{self.port}/v1"

    @property
    def api_key(self) -> str:
        """The key that the server asks for."""
        return self._key_file.read_text(encoding="utf-8")

    @property
    def _key_file(self) -> Path:
        return self.api_key_file or self.home.secret_file("model_api_key")

    def component(self, prepare: Prepare | None = None) -> Component:
        """What a supervisor needs to run the server; `prepare` brings the weights."""
        return Component(
            name=NAME,
            command=Command(
                argv=(
                    *(sys.executable, "-m", PROCESS_MODULE),
                    *("--model", str(self.weights), "--alias", self.model_id),
                    *("--host", self.host, "--port", str(self.port)),
                    *("--api-key-file", str(self._key_file)),
                    *("--slots", str(self.slots), "--context-tokens", str(self.context_tokens)),
                    *("--threads", str(self.threads or default_threads())),
                    *("--prompt-cache-mib", str(self.prompt_cache_mib)),
                ),
                # Spinning workers starve everything else on the machine and themselves.
                env={"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "PYTHONUNBUFFERED": "1"},
            ),
            prepare=prepare,
            ready=self.generate_one_token,
            # A generation would queue behind long answers and make a busy server look ill.
            healthy=self.check,
            url=self.url,
            port=self.port,
            ready_timeout_s=LOAD_TIMEOUT_S,
            probe_timeout_s=ONE_TOKEN_TIMEOUT_S,
            health_interval_s=10.0,
            stop_signal=signal.SIGTERM,
            stop_timeout_s=5.0,
            restart=RestartPolicy(initial_s=1.0, max_failures=4),
        )

    async def generate_one_token(self) -> None:
        """Generate one token; raises while the weights load."""
        await check_generation(self.url, model=self.model_id, api_key=self.api_key, timeout_s=ONE_TOKEN_TIMEOUT_S)

    async def check(self) -> None:
        """Ask the server's own health endpoint."""
        await check_http(f"http://{LOOPBACK}:{self.port}/health", timeout_s=20.0)
