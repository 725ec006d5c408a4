"""What a decision about a call is bound to: the tool, its very version, and the exact arguments."""

import hashlib
import json
from typing import Any

from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import ToolDefinition

_EXACT = 2**63  # below, readers of JSON keep integers as they are
_LARGEST = 10**308


def tool_version(definition: ToolDefinition) -> str:
    """An evolved tool's version id; a digest of what a built-in one promises, so that another promise differs."""
    if definition.version_id is not None:
        return str(definition.version_id)
    promise = {"spec": definition.spec.model_dump(), "side_effect": int(definition.side_effect)}
    return f"builtin:{hashlib.sha256(canonical_json(promise)).hexdigest()[:16]}"


def call_sha256(call: ToolCall, version: str) -> str:
    """SHA-256 in hex over tool, version and arguments in canonical form."""
    bound = {"tool": call.name, "version": version, "arguments": call.arguments}
    return hashlib.sha256(canonical_json(bound)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """One text for one JSON value: sorted keys, no spaces, and whole numbers without a fraction.

    The log may give 1e16 back as 10000000000000000, which is the same number, and beyond 64 bits an integer as the
    nearest double; it holds U+FFFD instead of U+0000.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case float() if value.is_integer():
            return int(value)
        case int() if _EXACT <= abs(value) < _LARGEST:
            return int(float(value))
        case _:
            return value
