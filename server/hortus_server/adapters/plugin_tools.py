"""Tools of the installation's own: Python objects from modules that its operator names."""

import pkgutil
import re
from collections.abc import Mapping, Sequence

from hortus_agents.spec import BUILTIN_TOOLS
from hortus_agents.tools.port import Tool

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def load_plugins(references: Sequence[str]) -> Mapping[str, Tool]:
    """The tools that `module:function` references return, by name.

    They run with the worker's own rights: what an operator installs is trusted, as the worker itself is. What may be
    called, and with which arguments, passes the proxy as every call does.

    Raises:
        ImportError, AttributeError: A reference names nothing.
        ValueError: A name is none, is a built-in tool's, or comes twice.
    """
    found: dict[str, Tool] = {}
    for reference in references:
        for tool in pkgutil.resolve_name(reference)():
            name = tool.definition.spec.name
            if not _NAME.fullmatch(name):
                raise ValueError(f"{reference}: {name!r} is not a tool's name")
            if name in BUILTIN_TOOLS or name in found:
                raise ValueError(f"{reference}: there is a tool {name} already")
            found[name] = tool
    return found
