"""Logs on standard error: JSON for machines, coloured lines on a terminal; secrets are blotted out on the way."""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from hortus_server.settings import LogSettings

BLOTTED = "[secret]"
# Whole words of a key's name: `total_tokens` and `token_delta` are no secrets, `api_token` is one.
_SECRET_KEY = re.compile(
    r"(^|_)(password|secret|authorization|api_?key|access_key|bearer|(api|access|auth)_token)($|_)"
)
_SECRET_TEXT = re.compile(r"(?i)(://[^/\s:@]*:)[^@\s/]+(?=@)|(bearer\s+)[\w.~+/-]{8,}=*|\b(hk_[\w-]{4})[\w-]{8,}")
# Libraries that log every request or task at INFO: the events say it better.
_QUIET = ("aiohttp.access", "httpx", "httpcore", "celery.worker.strategy", "celery.app.trace", "celery.beat")


_blotters: list[Callable[[str], str]] = []  # the process's own; logs belong to the whole process


@contextmanager
def blotting(blot: Callable[[str], str]) -> Iterator[None]:
    """Pass every text of the log through `blot` too, while the block lasts."""
    _blotters.append(blot)
    try:
        yield
    finally:
        _blotters.remove(blot)


def blot_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values under secret names, passwords in URLs and bearer tokens in texts."""
    for key, value in event.items():
        event[key] = BLOTTED if _SECRET_KEY.search(str(key).lower()) else _blotted(value)
    return event


def _blotted(value: Any) -> Any:
    if isinstance(value, str):
        for blot in _blotters:
            value = blot(value)
        return _SECRET_TEXT.sub(lambda found: f"{found[1] or found[2] or found[3]}{BLOTTED}", value)
    if isinstance(value, Mapping):
        return blot_secrets(None, "", dict(value))
    return value


def configure_logs(settings: LogSettings, *, process: str) -> None:
    """Send structlog and the standard library's logging through one chain; called once, at start-up."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Processor] = (
        [structlog.processors.format_exc_info, blot_secrets, structlog.processors.JSONRenderer(_to_json)]
        if as_json
        else [
            blot_secrets,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_named(process), structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _named(process: str) -> Processor:
    def add_process(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add_process


def _to_json(event: object, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()
