"""Logs on standard error: JSON for machines, coloured lines on a terminal; secrets are blotted out on the way."""

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from hortus_server.settings import LogSettings
from hortus_server.telemetry.blotting import blotted

BLOTTED = "[secret]"
# Whole words of a key's name: `total_tokens` and `token_delta` are no secrets, `api_token` is one.
_SECRET_KEY = re.compile(
    r"(^|_)(password|secret|authorization|api_?key|access_key|bearer|(api|access|auth)_token)($|_)"
)
_SECRET_TEXT = re.compile(r"(?i)(://[^/\s:@]*:)[^@\s/]+(?=@)|(bearer\s+)[\w.~+/-]{8,}=*|\b(hk_[\w-]{4})[\w-]{8,}")
# Made here, not told by anybody: what a tenant calls a secret must not hide how bad a line is, or when it was written.
# Of `exc_info` a renderer makes a traceback, and that is blotted.
_OWN = frozenset({"level", "timestamp", "logger", "process", "exc_info"})
# Libraries that log every request or task at INFO: the events say it better.
_QUIET = ("aiohttp.access", "httpx", "httpcore", "celery.worker.strategy", "celery.app.trace", "celery.beat")


def blot_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values under secret names, known secrets anywhere, passwords in URLs and bearer tokens in texts."""
    return {key: value if key in _OWN else _blotted_under(key, value) for key, value in event.items()}


def _blotted_under(key: str, value: Any) -> Any:
    return BLOTTED if _SECRET_KEY.search(key.lower()) else _blotted(value)


def _blotted(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _SECRET_TEXT.sub(lambda found: f"{found[1] or found[2] or found[3]}{BLOTTED}", blotted(value))
        case Mapping():
            return {_blotted(str(key)): _blotted_under(str(key), item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_blotted(item) for item in value]
        case _:
            return _blotted(str(value))


def _blotting_lines(render: Processor) -> Processor:
    """The same for what is rendered: a traceback is text only then."""

    def rendered(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        return str(_blotted(render(logger, method, event)))

    return rendered


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
            _blotting_lines(
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
                )
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
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    sys.unraisablehook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Python would print it as it is, past every blotting."""
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("hortus").critical("uncaught", exc_info=(kind, error, trace))


def _named(process: str) -> Processor:
    def add_process(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add_process


def _to_json(event: object, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()
