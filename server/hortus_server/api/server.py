"""uvicorn around the application, and an end that open streams notice at once."""

import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge
from hortus_server.api.http_protocol import ConnectionBounds, bounded_protocol
from hortus_server.domain.rates import RateDefaults
from hortus_server.settings import ApiSettings

PROBE_PLACES = 64  # connections beyond the streams' own, so that probes and short requests get through


class ApiServer(uvicorn.Server):
    """Tells streams of the shutdown before it waits for them; sockets are closed with 1012, so clients come back."""

    def __init__(self, config: uvicorn.Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end the streams, wait for the rest."""
        self._edge.registry.stop()
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn leaves it out then, and what is held back would be lost
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """As uvicorn's, but not raised again at the end: that would kill the process before its services are closed."""
        self.force_exit |= self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def make_server(edge: Edge, settings: ApiSettings, *, app: FastAPI | None = None) -> ApiServer:
    """A server that is ready for `serve()`; logs go to structlog's handlers, not uvicorn's own."""
    rates = edge.options.rates
    config = uvicorn.Config(
        app or create_app(edge),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=bounded_protocol(_bounds(settings, rates)),
        ws="websockets-sansio",
        ws_max_size=settings.socket_frame_limit_bytes,
        # Frames are short and many: compressing each costs more than it saves.
        ws_per_message_deflate=False,
        timeout_keep_alive=round(rates.keep_alive_s),
        timeout_graceful_shutdown=max(1, round(settings.shutdown_s)),
        backlog=2048,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    return ApiServer(config, edge)


def _bounds(settings: ApiSettings, rates: RateDefaults) -> ConnectionBounds:
    return ConnectionBounds(
        connections=settings.connections + PROBE_PLACES,
        head_s=rates.head_s,
        head_bytes=rates.head_bytes,
        body_s=rates.body_s,
    )
