"""An endpoint for webhooks on loopback, whose answer tests choose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came, and what is answered to it."""

    url: str
    status: int = 503
    received: list[str] = field(default_factory=list)


@contextmanager
def open_receiver() -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(receiver.status)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"full" if receiver.status >= 300 else b"fine")

        def log_message(self, *_: object) -> None:
            """Nothing: the tests say what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
