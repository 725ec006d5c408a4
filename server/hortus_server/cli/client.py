"""A running server as the command line sees it: REST with clear errors, and a stream that resumes by itself."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.state import SupervisorState

REQUEST_TIMEOUT_S = 30.0
FRAME_TIMEOUT_S = 45.0  # three heartbeats
RECONNECT_PAUSE_S = 0.5
RECONNECT_ATTEMPTS = 40
SERVER_FAULT = 500
ADMIN_KEY_FILE = "admin_key"

Json = dict[str, Any]


class CommandError(Exception):
    """A command cannot do what was asked; the text says why and what to do."""


def find_server(url: str | None, key: str | None) -> tuple[str, str]:
    """Where the server is and how to speak to it.

    Given values win, then HORTUS_URL and HORTUS_API_KEY, then what `hortus up` left in its home on this machine.

    Raises:
        CommandError: Nothing is known about a server.
    """
    home = HortusHome.locate(os.environ)
    url = url or os.environ.get("HORTUS_URL") or _embedded_url(home)
    if not url:
        raise CommandError(
            f"no server is running from {home.root}; start one with `hortus up`, or give --url (HORTUS_URL)"
        )
    key = key or os.environ.get("HORTUS_API_KEY")
    key_file = home.root / "secrets" / ADMIN_KEY_FILE
    if not key and key_file.is_file():
        key = key_file.read_text(encoding="utf-8").strip()
    if not key:
        raise CommandError("no API key; give --key (HORTUS_API_KEY), or make one with `hortus key create`")
    return url.rstrip("/"), key


def _embedded_url(home: HortusHome) -> str | None:
    state = SupervisorState.load(home.state_file)
    if state is None or state.supervisor.find() is None:
        return None
    record = state.components.get("api")
    return record.url or None if record else None


class ApiClient:
    """Synchronous; one per command."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._key = key
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=httpx.Timeout(REQUEST_TIMEOUT_S)
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, Any] | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Any:
        """One request; the decoded JSON answer, or None for an empty one.

        Raises:
            CommandError: The server refused, with the problem's own words, or is out of reach.
        """
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, json=body, params=parameters, timeout=timeout_s)
        except httpx.TimeoutException as error:
            raise CommandError(f"{self.url} did not answer within {timeout_s:.0f} s") from error
        except httpx.HTTPError as error:
            raise CommandError(f"{self.url} is out of reach ({error}); is it up? see `hortus status`") from error
        if answer.is_error:
            raise CommandError(_problem_text(answer))
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        """GET."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Json | None = None) -> Any:
        """POST."""
        return self.call("POST", path, body=body)

    def lines(self, path: str, query: Mapping[str, Any]) -> Iterator[str]:
        """The lines of a long answer, as they come.

        Raises:
            CommandError: The server refused, or the answer broke off.
        """
        parameters = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=parameters) as answer:
                if answer.is_error:
                    answer.read()
                    raise CommandError(_problem_text(answer))
                yield from answer.iter_lines()
        except httpx.HTTPError as error:
            raise CommandError(f"{self.url} is out of reach, or broke off ({error})") from error

    def parts(self, path: str) -> Iterator[bytes]:
        """The bytes of an answer that is no document, as they come.

        Raises:
            CommandError: The server refused, or the answer broke off.
        """
        try:
            with self._http.stream("GET", path) as answer:
                if answer.is_error:
                    answer.read()
                    raise CommandError(_problem_text(answer))
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise CommandError(f"{self.url} is out of reach, or broke off ({error})") from error

    def follow(self, session_id: UUID | str, *, after: int = 0) -> Iterator[Json]:
        """Frames of a session's stream from `after` on, across lost connections; ends only when closed.

        Yields `event`, `delta`, `snapshot` and `gap` frames. A connection that is lost comes back with the cursor of
        the last event, so that none is repeated or missed.

        Raises:
            CommandError: The stream could not be had again.
        """
        cursor, failures = after, 0
        while True:
            try:
                for frame in self._frames(session_id, cursor):
                    failures = 0
                    if frame.get("type") == "event":
                        cursor = int(frame["event"]["seq"])
                    yield frame
            except InvalidStatus as error:
                if error.response.status_code < SERVER_FAULT:
                    raise CommandError(f"the stream was refused with status {error.response.status_code}") from error
            except (ConnectionClosed, WebSocketException, OSError, TimeoutError):
                pass
            failures += 1
            if failures > RECONNECT_ATTEMPTS:
                raise CommandError(f"the stream of session {session_id} is gone; the last event seen was {cursor}")
            time.sleep(RECONNECT_PAUSE_S)

    def _frames(self, session_id: UUID | str, after: int) -> Iterator[Json]:
        address = f"{self.url.replace('http', 'ws', 1)}/v1/sessions/{session_id}/stream?after={after}"
        headers = {"Authorization": f"Bearer {self._key}"}
        with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
            while True:
                frame: Json = json.loads(socket.recv(timeout=FRAME_TIMEOUT_S))
                if frame.get("type") == "error":
                    raise CommandError(str(frame.get("problem", {}).get("detail", frame)))
                if frame.get("type") in {"event", "delta", "snapshot", "gap"}:
                    yield frame


def _problem_text(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        text = str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
        for fault in problem.get("errors", ()):
            text += f"\n  {'.'.join(str(part) for part in fault.get('loc', ()))}: {fault.get('msg', '')}"
    except (ValueError, AttributeError):
        text = answer.reason_phrase
    hint = {401: " (check the key: `hortus key list`)", 403: " (the key lacks that scope)"}.get(answer.status_code, "")
    return f"{text}{hint}"
