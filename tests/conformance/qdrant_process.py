"""The embedded Qdrant engine as a real child process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from stack_parts import free_port

START_LIMIT_S = 100.0  # a busy machine; an idle one takes two
STOP_LIMIT_S = 60.0


class EngineProcess:
    """Starts on construction; ends by `stop` (SIGTERM) or `kill` (SIGKILL)."""

    def __init__(self, path: Path, *, port: int | None = None, api_key_file: Path | None = None) -> None:
        self.path = path
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = path.parent / f"{path.name}.log"
        command = [
            *(sys.executable, "-m", "hortus_server.adapters.embedded.qdrant_engine"),
            *("--path", str(path), "--port", str(self.port)),
            *(("--api-key-file", str(api_key_file)) if api_key_file else ()),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ.copy())
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=1, trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the engine did not start:\n{self.log.read_text()}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_LIMIT_S)
