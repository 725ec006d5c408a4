import signal
import sys
from dataclasses import dataclass

from hortus_server.adapters.embedded.component import Command, Component
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.ports import LOOPBACK
from hortus_server.adapters.embedded.probes import check_http

NAME = "qdrant"
ENGINE_MODULE = "hortus_server.adapters.embedded.qdrant_engine"


@dataclass(frozen=True, slots=True)
class EmbeddedQdrant:
    """The process over Qdrant's own engine, under `HORTUS_HOME/qdrant`; speaks Qdrant's REST on loopback."""

    home: HortusHome
    port: int

    @property
    def url(self) -> str:
        """Base URL for `QdrantClient(url=...)`."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def api_key(self) -> str:
        """The key that the engine asks for."""
        return self.home.secret("qdrant_api_key")

    def component(self) -> Component:
        """What a supervisor needs to run the engine."""
        return Component(
            name=NAME,
            command=Command(
                argv=(
                    *(sys.executable, "-m", ENGINE_MODULE),
                    *("--path", str(self.home.folder(NAME))),
                    *("--host", LOOPBACK, "--port", str(self.port)),
                    *("--api-key-file", str(self.home.secret_file("qdrant_api_key"))),
                ),
                env={"PYTHONUNBUFFERED": "1"},
            ),
            ready=self.check,
            url=self.url,
            port=self.port,
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGTERM,
            stop_timeout_s=15.0,
        )

    async def check(self) -> None:
        """Ask for readiness; raises until the shards are loaded."""
        await check_http(f"{self.url}/readyz", headers={"api-key": self.api_key})
