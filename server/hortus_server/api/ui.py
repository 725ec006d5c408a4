"""The built admin UI as static files, for every address that no route serves."""

import mimetypes
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from hortus_server.api.errors import problem, problem_response

API_PREFIXES = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/problems")
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Hortus</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<h1>Hortus is running</h1>
<p>This checkout holds no built admin UI. Build it with <code>make ui</code> and reload this page;
an installed release brings it along.</p>
<p>The API is at <a href="/docs">/docs</a>, its description at <a href="/openapi.json">/openapi.json</a>.</p></html>"""
# What the bundle holds beside a file, compressed once at build time, in the order in which it is preferred.
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class AdminUi:
    """Files of the bundle; an address without a file is one of the UI's own pages, so it gets `index.html`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that no route took."""
        if scope["type"] == "websocket":
            await WebSocketClose(code=4404, reason="no such stream")(scope, receive, send)
            return
        request = Request(scope)
        await self._answer(request)(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        path = request.scope["path"]
        is_page = request.method in {"GET", "HEAD"}
        if not is_page or any(path == prefix or path.startswith(f"{prefix}/") for prefix in API_PREFIXES):
            document = problem("no_route", f"nothing is served at {path}")
            return problem_response(document, request_id=request.scope.get("hortus.request_id"))
        index = self._root / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-cache"})
        file = self._file(path)
        if file is None and Path(path).suffix:
            return problem_response(problem("no_route", f"nothing is served at {path}"))
        return _file_response(file or index, request.headers)

    def _file(self, path: str) -> Path | None:
        try:
            file = (self._root / path.lstrip("/")).resolve()
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except OSError:  # a name that no file can have, for its length
            return None


def _file_response(file: Path, headers: Headers) -> Response:
    """The file as the browser takes it smallest, or word that it has it already."""
    # The bundler names what it puts into assets/ by content.
    fixed = file.parent.name == "assets"
    kept = {"Cache-Control": "public, max-age=31536000, immutable" if fixed else "no-cache", "Vary": "Accept-Encoding"}
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    accepted = _accepted_encodings(headers.get("accept-encoding", ""))
    for encoding, suffix in ENCODINGS:
        smaller = file.with_name(file.name + suffix)
        if encoding in accepted and smaller.is_file():
            kept["Content-Encoding"] = encoding
            file = smaller
            break
    response = FileResponse(file, media_type=media_type, stat_result=file.stat(), headers=kept)
    if response.headers["etag"] in headers.get("if-none-match", ""):
        return NotModifiedResponse(response.headers)
    return response


def _accepted_encodings(header: str) -> frozenset[str]:
    """Names of what the client decodes; a weight of zero refuses."""
    parts = (part.strip().lower().partition(";") for part in header.split(","))
    refused = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return frozenset(name.strip() for name, _, weight in parts if weight.replace(" ", "") not in refused)
