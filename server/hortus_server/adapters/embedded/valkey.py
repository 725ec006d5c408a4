import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis

from hortus_server.adapters.embedded.binaries import valkey_binary
from hortus_server.adapters.embedded.component import Command, Component, Display
from hortus_server.adapters.embedded.home import HortusHome, write_private
from hortus_server.adapters.embedded.ports import LOOPBACK

NAME = "valkey"
CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """A Valkey server under `HORTUS_HOME/valkey`: append-only file, password, loopback only.

    Its queue survives a kill up to the last second (`appendfsync everysec`), more than is needed: messages
    are wake-ups, and the truth is in PostgreSQL.
    """

    home: HortusHome
    port: int

    @property
    def url(self) -> str:
        """Broker URL of database 0, with its password."""
        password = quote(self.home.secret("valkey_password"), safe="")
        return f"redis://:{password}@{LOOPBACK}:{self.port}/0"

    @property
    def _config_file(self) -> Path:
        return self.home.run / "valkey.conf"

    def component(self) -> Component:
        """What a supervisor needs to run the server."""
        return Component(
            name=NAME,
            command=Command(argv=(str(valkey_binary()), str(self._config_file)), cwd=self.home.folder(NAME)),
            prepare=self.prepare,
            ready=self.check,
            url=f"redis://{LOOPBACK}:{self.port}/0",
            port=self.port,
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGTERM,
        )

    async def prepare(self, display: Display) -> None:  # noqa: ARG002 - nothing here takes long enough to show
        """Write the server's configuration, private since it holds the password."""
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "protected-mode": "yes",
            "requirepass": self.home.secret("valkey_password"),
            "dir": f'"{self.home.folder(NAME)}"',
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "save": '""',
            # A full memory refuses writes loudly instead of dropping queue entries silently.
            "maxmemory-policy": "noeviction",
            "tcp-keepalive": "60",
            "enable-debug-command": "no",
            "enable-module-command": "no",
        }
        write_private(self._config_file, "".join(f"{name} {value}\n" for name, value in settings.items()))

    async def check(self) -> None:
        """PING with the password; raises until it is answered."""
        client = Redis.from_url(self.url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S)
        try:
            await client.ping()
        finally:
            await client.aclose()
