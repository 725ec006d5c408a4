"""What a model-written source must be before it is run at all.

The sandbox is the wall; this check keeps honest code honest and turns common slips into errors that a model can mend.
"""

import ast
import re
from collections.abc import Sequence

ALLOWED_MODULES = frozenset({
    "array", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "colorsys", "copy", "csv",
    "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq",
    "html", "io", "ipaddress", "itertools", "json", "math", "numbers", "operator", "re", "statistics",
    "string", "struct", "textwrap", "typing", "unicodedata", "urllib.parse", "zlib",
})  # fmt: skip
FORBIDDEN_NAMES = frozenset({
    "open", "exec", "eval", "compile", "input", "breakpoint", "globals", "locals", "vars", "getattr", "setattr",
    "delattr", "exit", "quit", "help",
})  # fmt: skip
MAX_SOURCE = 8_000  # characters

_DUNDER = re.compile(r"__\w+__")
_KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


class StaticCheckError(ValueError):
    """A source that must not run; the message is for the model that wrote it."""


def clean_source(source: str) -> str:
    """The definitions in `source`: example calls and `if __name__` blocks go, forgotten imports are added.

    Raises:
        StaticCheckError: It does not parse.
    """
    tree = _parse(source)
    lines = source.splitlines()
    kept = [_segment(lines, node) for node in tree.body if isinstance(node, _KEPT)]
    missing = [f"import {module}" for module in _forgotten_imports(tree)]
    return "\n\n".join([*missing, *kept]) + "\n" if kept else ""


def check_source(source: str, *, function: str, parameters: Sequence[str]) -> None:
    """Raise StaticCheckError unless `source` defines `function(parameters...)` and uses only what a pure tool may."""
    if len(source) > MAX_SOURCE:
        raise StaticCheckError(f"the source is longer than {MAX_SOURCE} characters")
    tree = _parse(source)
    for statement in tree.body:
        if not isinstance(statement, _KEPT):
            raise StaticCheckError(f"line {statement.lineno}: only imports, constants and definitions at the top level")
    _check_function(tree, function, parameters)
    for node in ast.walk(tree):
        _check_node(node)


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise StaticCheckError(f"it does not parse: {error}") from error


def _segment(lines: Sequence[str], node: ast.stmt) -> str:
    first = node.lineno
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
        first = node.decorator_list[0].lineno
    return "\n".join(lines[first - 1 : node.end_lineno])


def _forgotten_imports(tree: ast.Module) -> list[str]:
    bound = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.value.ctx, ast.Load)
    }
    return sorted((used & ALLOWED_MODULES) - bound - stored)


def _check_function(tree: ast.Module, function: str, parameters: Sequence[str]) -> None:
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
    if not found:
        raise StaticCheckError(f"it does not define a function {function}")
    arguments = found[-1].args
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
    required = len(names) - len(arguments.defaults)
    fits = not arguments.posonlyargs and names[: len(parameters)] == list(parameters) and required <= len(parameters)
    if not fits or None in arguments.kw_defaults:
        raise StaticCheckError(f"{function} must take exactly ({', '.join(parameters)}), not ({', '.join(names)})")


def _check_node(node: ast.AST) -> None:
    match node:
        case ast.Import(names=names):
            for alias in names:
                _check_module(alias.name, node.lineno)
        case ast.ImportFrom(module=module, level=level):
            _check_module("." * level + (module or ""), node.lineno)
        case ast.Name(id=name) if name in FORBIDDEN_NAMES or _DUNDER.search(name):
            raise StaticCheckError(f"line {node.lineno}: {name} is not allowed")
        case ast.Attribute(attr=name) if name.startswith("__"):
            raise StaticCheckError(f"line {node.lineno}: .{name} is not allowed")
        case ast.Constant(value=str() as text) if _DUNDER.search(text):
            raise StaticCheckError(f"line {node.lineno}: names with double underscores are not allowed")
        case ast.AsyncFunctionDef() | ast.Await():
            raise StaticCheckError(f"line {node.lineno}: {type(node).__name__} is not allowed")
        case _:
            return


def _check_module(module: str, line: int) -> None:
    if module not in ALLOWED_MODULES and module.split(".", maxsplit=1)[0] not in ALLOWED_MODULES:
        raise StaticCheckError(
            f"line {line}: the module {module} is not allowed; use the standard library's pure parts"
        )
