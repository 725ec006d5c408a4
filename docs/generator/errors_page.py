"""docs/errors.md: problem codes, close codes, and the codes of failures."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping

from tables import MADE, doc, row

import hortus_agents
import hortus_memory
import hortus_server
from hortus_agents.errors import AgentsError
from hortus_memory.errors import HortusMemoryError
from hortus_server.api.errors import TITLES
from hortus_server.api.streams import codes
from hortus_server.domain.errors import HortusError

EDGE_CODES: Mapping[str, str] = {
    "malformed_json": "The body is not JSON, or holds what JSON cannot carry on (NaN, lone surrogates, deep nesting).",
    "bad_request": "Any other request that HTTP itself cannot understand.",
    "no_route": "Nothing is served at that path.",
    "method_not_allowed": "The path exists, with other methods.",
    "body_too_large": "The body is above HORTUS_API_BODY_LIMIT_BYTES.",
    "request_timeout": "The head took longer than HORTUS_LIMITS_HEAD_S, or the body than HORTUS_LIMITS_BODY_S.",
    "head_too_large": "The address and headers are above HORTUS_LIMITS_HEAD_BYTES.",
    "unsupported_media_type": "The Content-Type is not application/json.",
    "invalid_request": "A field is missing, unknown or out of bounds; `errors` lists which.",
    "internal": "A fault of the server; `error_id` finds it in the log.",
}


def import_everything() -> None:
    """Import all modules, so that the tree below a root is the whole tree whoever asks."""
    for package in (hortus_agents, hortus_memory, hortus_server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def error_classes(root: type[Exception]) -> Iterator[type[Exception]]:
    """`root` and all below it that have a code of their own, in the order of their modules."""
    if "code" in vars(root):
        yield root
    for child in sorted(root.__subclasses__(), key=lambda cls: (cls.__module__, inspect.getsourcelines(cls)[1])):
        if child.__module__.startswith("hortus_"):
            yield from error_classes(child)


def code_of(error: type[Exception]) -> str:
    """The stable code of an error class."""
    return str(vars(error)["code"])


def errors_page() -> str:
    """Problem codes, close codes, and the codes of failures."""
    import_everything()
    meanings = {code_of(cls): doc(cls) for cls in error_classes(HortusError) if reaches_clients(cls)}
    text = f"""# Errors
{MADE}
`code` is stable; texts may change.

## Problem documents

Every HTTP error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) document of type
`application/problem+json`: `type` (`/problems/CODE`), `title`, `status`, `code`, `detail`, `request_id`. Replies on a
WebSocket carry the same under `problem`. 429 and 503 come with `Retry-After`.

| code | status | meaning |
|---|---|---|
"""
    for code, (status, title) in TITLES.items():
        meaning = EDGE_CODES.get(code) or meanings[code]
        text += row(f"`{code}`", str(status), meaning if meaning.startswith(title) else f"{title}. {meaning}")
    text += f"""
## WebSocket close codes

{inspect.getdoc(codes)} Before a code from 4000 on comes a frame `error` with the problem document where there is one.

| code | name | meaning |
|---|---|---|
"""
    for close in sorted(codes.CloseCode):
        text += row(str(int(close)), f"`{close.name}`", close_meaning(close))
    text += """
## Why a run or a call failed

`run.failed` and `model.failed` carry one of these in `code`, `tool.finished` says it in words; `internal` is a fault of
the server, logged under the id in the message.
"""
    text += f"\n{_error_table(AgentsError)}\n## Memory\n\nA run goes on without recall; its events say so.\n\n"
    text += _error_table(HortusMemoryError)
    text += "\n## Of commands\n\nShown on the terminal by `hortus up`, `hortus migrate` and the like.\n\n"
    return text + _error_table(HortusError, lambda cls: not reaches_clients(cls))


def reaches_clients(cls: type[Exception]) -> bool:
    """Whether the API may answer with it; what adapters define is for those who start processes."""
    return cls.__module__.startswith(("hortus_server.domain.", "hortus_server.api.")) and cls is not HortusError


def _error_table(root: type[Exception], shown: Callable[[type[Exception]], bool] = lambda _cls: True) -> str:
    rows = "".join(row(f"`{code_of(cls)}`", doc(cls)) for cls in error_classes(root) if shown(cls))
    return f"| code | meaning |\n|---|---|\n{rows}"


def close_meaning(code: codes.CloseCode) -> str:
    """The comment beside the code's declaration; empty if there is none."""
    found = re.search(rf"^    {code.name} = \d+  # (.+)$", inspect.getsource(codes.CloseCode), re.MULTILINE)
    return found[1] if found else ""
