"""Command line of the embedded engine process."""

import argparse
import faulthandler
import ipaddress
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from hortus_server.adapters.embedded.qdrant_engine.app import EngineApi
from hortus_server.adapters.embedded.qdrant_engine.errors import EngineStartError
from hortus_server.adapters.embedded.qdrant_engine.store import CollectionStore

_GRACE_S = 3  # for requests under way at SIGTERM
_KEEP_ALIVE_S = 30  # longer than any client keeps an idle connection, so that the client closes first
_MAX_CONCURRENT_REQUESTS = 256
_EXIT_USAGE = 2


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m hortus_server.adapters.embedded.qdrant_engine",
        description="Serve a data directory of Qdrant's embedded engine over a subset of Qdrant's REST.",
    )
    parser.add_argument("--path", type=Path, required=True, help="data directory; created if absent")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=6333, help="port to listen on (default 6333)")
    parser.add_argument("--api-key-file", type=Path, help="file that holds the key clients must send")
    return parser.parse_args(arguments)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_key(path: Path | None, host: str) -> str | None:
    if path is None:
        if not _is_loopback(host):
            raise EngineStartError(f"refusing to listen on {host} without --api-key-file")
        return None
    try:
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EngineStartError(f"cannot read the key file {path}: {error.strerror}") from error
    if not key:
        raise EngineStartError(f"the key file {path} is empty")
    return key


def _exit_cleanly(_signal: int, _frame: FrameType | None) -> None:
    # uvicorn raises the signal again after its own orderly stop; without a handler that looks like a crash.
    sys.exit(0)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        0 after an orderly stop, 2 if the process may not serve (wrong option, directory in use). If the port
        is taken, uvicorn ends the process with 3.
    """
    faulthandler.enable()
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, _exit_cleanly)
    signal.signal(signal.SIGINT, _exit_cleanly)
    try:
        key = _read_key(options.api_key_file, options.host)
        store = CollectionStore(options.path)
    except EngineStartError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - the text says all
        return _EXIT_USAGE
    server = uvicorn.Server(
        uvicorn.Config(
            EngineApi(store, api_key=key).build(),
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
            limit_concurrency=_MAX_CONCURRENT_REQUESTS,
        )
    )
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
