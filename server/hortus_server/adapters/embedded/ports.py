import json
import socket
from pathlib import Path

from hortus_server.adapters.embedded.errors import PortTakenError
from hortus_server.adapters.embedded.home import write_private

LOOPBACK = "127.0.0.1"


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _any_free_port(avoid: set[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port


class PortBook:
    """Which component listens where; random ports are kept, so that a restart finds the same addresses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            self._ports = {str(name): int(port) for name, port in kept.items()}
        except (FileNotFoundError, ValueError, AttributeError, TypeError):
            self._ports = {}

    def get(self, component: str) -> int | None:
        """The port that the component had last."""
        return self._ports.get(component)

    def assign(self, component: str, wanted: int | None = None) -> int:
        """Choose a free port: the wanted one, else the kept one, else any; remember it.

        Raises:
            PortTakenError: The wanted port is in use.
        """
        if wanted is not None:
            if not port_is_free(wanted):
                raise PortTakenError(component, wanted)
            port = wanted
        else:
            kept = self._ports.get(component)
            others = {number for name, number in self._ports.items() if name != component}
            port = kept if kept is not None and port_is_free(kept) else _any_free_port(others)
        if self._ports.get(component) != port:
            self._ports[component] = port
            write_private(self._path, json.dumps(self._ports, indent=1))
        return port
