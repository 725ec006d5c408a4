"""What a scripted model saw."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

import orjson

from hortus_agents.messages import JsonObject
from hortus_agents.models.wire import METADATA_HEADER_PREFIX

MAX_RECORDS: Final = 10_000
MAX_RECORDED_BYTES: Final = 64 * 1024 * 1024
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(slots=True)
class RequestRecord:
    """One request; the fields below `headers` are filled in while it is answered.

    `cancelled` means that the client went away first, `dropped` that the script cut the connection. Times are
    milliseconds since `received_at`.
    """

    number: int
    method: str
    path: str
    received_at: datetime
    raw_body: bytes
    headers: Mapping[str, str] = field(repr=False)
    key: str = ""
    index: int = 0
    rule: str = ""
    status: int = 0
    tokens_sent: int = 0
    cancelled: bool = False
    dropped: bool = False
    finished: bool = False
    first_byte_ms: float | None = None
    duration_ms: float | None = None

    @property
    def body(self) -> Any:
        """The parsed body; None when there was none or it was not JSON."""
        try:
            return orjson.loads(self.raw_body)
        except orjson.JSONDecodeError:
            return None

    @property
    def metadata(self) -> dict[str, str]:
        """The request's `X-Hortus-*` headers: `X-Hortus-Run-Id` is `run_id`."""
        prefix = METADATA_HEADER_PREFIX.lower()
        return {
            name[len(prefix) :].lower().replace("-", "_"): unquote(value)
            for name, value in self.headers.items()
            if name.lower().startswith(prefix)
        }

    def to_json(self) -> JsonObject:
        """The record as the request log shows it; credentials are struck out."""
        body = self.body
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "received_at": self.received_at.isoformat(),
            "headers": {
                str(name): "***" if name.lower() in _SECRET_HEADERS else value for name, value in self.headers.items()
            },
            "body": self.raw_body.decode("utf-8", "replace") if body is None else body,
            "key": self.key,
            "index": self.index,
            "rule": self.rule,
            "status": self.status,
            "tokens_sent": self.tokens_sent,
            "cancelled": self.cancelled,
            "dropped": self.dropped,
            "finished": self.finished,
            "first_byte_ms": self.first_byte_ms,
            "duration_ms": self.duration_ms,
        }


class RequestLog:
    """The latest requests, bounded in number and in bytes of bodies."""

    def __init__(self, records: int = MAX_RECORDS, recorded_bytes: int = MAX_RECORDED_BYTES) -> None:
        self._records: deque[RequestRecord] = deque()
        self._limit = records
        self._bytes_limit = recorded_bytes
        self._bytes = 0
        self.total = 0

    def add(self, record: RequestRecord) -> None:
        """Append `record` and drop the oldest above the bounds."""
        self._records.append(record)
        self.total += 1
        self._bytes += len(record.raw_body)
        while len(self._records) > self._limit or (self._bytes > self._bytes_limit and len(self._records) > 1):
            self._bytes -= len(self._records.popleft().raw_body)

    def all(self) -> tuple[RequestRecord, ...]:
        """Oldest first."""
        return tuple(self._records)

    def clear(self) -> None:
        """Forget the records; `total` goes on counting."""
        self._records.clear()
        self._bytes = 0
