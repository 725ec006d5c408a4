"""What a model-written source must be before it is run at all.

The sandbox is the wall; this check keeps honest code honest and turns common slips into errors that a model can mend.
"""

import ast
import re
from collections.abc import Sequence

from hortus_agents.spec import SECRET_REFERENCE
from hortus_agents.tools.capability import NO_PERMISSIONS, ToolPermissions

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
# Ways from an allowed module to files, programs and other modules: io.open, json.codecs, typing.sys.
FORBIDDEN_ATTRIBUTES = frozenset({
    "open", "open_code", "FileIO", "builtins", "sys", "os", "subprocess", "codecs", "modules", "system", "popen",
    "attrgetter", "methodcaller", "ctypes", "importlib", "f_globals", "f_builtins", "gi_frame", "tb_frame",
})  # fmt: skip
CALL_TOOL = "call_tool"
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


def check_source(
    source: str, *, function: str, parameters: Sequence[str], permissions: ToolPermissions = NO_PERMISSIONS
) -> None:
    """Raise StaticCheckError unless `source` defines `function(parameters...)` and uses only what it may.

    That is what a pure function may, and beyond it what `permissions` declares: calls of named tools, and files.
    """
    if len(source) > MAX_SOURCE:
        raise StaticCheckError(f"the source is longer than {MAX_SOURCE} characters")
    tree = _parse(source)
    for statement in tree.body:
        if not isinstance(statement, _KEPT):
            raise StaticCheckError(f"line {statement.lineno}: only imports, constants and definitions at the top level")
    _check_function(tree, function, parameters)
    writes = bool(permissions.writes)
    for node in ast.walk(tree):
        if not (writes and _opens(node)):
            _check_node(node)
    _check_tool_calls(tree, permissions)
    for name in SECRET_REFERENCE.findall(source):
        if name not in permissions.secrets:
            raise StaticCheckError(f"it names the secret {name}, which its permissions do not declare")


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


def _opens(node: ast.AST) -> bool:
    """`open` itself, which a tool that declares files needs; the sandbox holds it to its scratch folder."""
    return isinstance(node, ast.Name) and node.id == "open"


def _check_tool_calls(tree: ast.Module, permissions: ToolPermissions) -> None:
    """Tools are called by their names as they stand in the source, and by declared ones only."""
    calls = {
        id(node.func): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == CALL_TOOL
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or node.id != CALL_TOOL:
            continue
        call = calls.get(id(node))
        name = call.args[0] if call is not None and call.args else None
        if not isinstance(name, ast.Constant) or name.value not in permissions.tools:
            raise StaticCheckError(f"line {node.lineno}: call_tool may only call what the permissions declare, by name")


def _check_node(node: ast.AST) -> None:
    match node:
        case ast.Import(names=names):
            for alias in names:
                _check_module(alias.name, node.lineno)
        case ast.ImportFrom(module=module, level=level, names=names):
            _check_module("." * level + (module or ""), node.lineno)
            for alias in names:
                if alias.name in FORBIDDEN_ATTRIBUTES:
                    raise StaticCheckError(f"line {node.lineno}: {alias.name} is not allowed")
        case ast.Name(id=name) if name in FORBIDDEN_NAMES or _DUNDER.search(name):
            raise StaticCheckError(f"line {node.lineno}: {name} is not allowed")
        case ast.Attribute(attr=name) if name.startswith("__") or name in FORBIDDEN_ATTRIBUTES:
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
