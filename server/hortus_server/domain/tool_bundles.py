"""Tools as files: what goes from one server to another, with the hash of each part."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hortus_agents.schemas import foreign_fault
from hortus_agents.spec import BUILTIN_TOOLS
from hortus_agents.tools.capability import ToolPermissions
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.records import Tool, ToolVersion

FORMAT: Final = "hortus.tool/1"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
PARTS: Final = ("manifest", "source", "tests")


@dataclass(frozen=True, slots=True)
class ToolBundle:
    """One version. `provenance` is what the server that exported it says of it: told, never trusted."""

    name: str
    description: str
    function: str
    parameters: Mapping[str, Any]
    returns: Mapping[str, Any]
    permissions: ToolPermissions
    source: str
    tests: Sequence[Mapping[str, Any]]
    provenance: Mapping[str, Any]

    @property
    def manifest(self) -> dict[str, Any]:
        """What the tool promises and declares."""
        return {
            "name": self.name,
            "description": self.description,
            "function": self.function,
            "parameters": dict(self.parameters),
            "returns": dict(self.returns),
            "permissions": self.permissions.model_dump(mode="json"),
        }

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 in hex of each part: the source's bytes, and canonical JSON of the others."""
        parts = {
            "manifest": _canonical(self.manifest),
            "source": self.source.encode(),
            "tests": _canonical([dict(test) for test in self.tests]),
        }
        return {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}


def bundle_of(tool: Tool, version: ToolVersion) -> ToolBundle:
    """A stored version as it is exported; of its tests those that held, with what it gave."""
    tests = [
        {"arguments": case["arguments"], "expected": case.get("got", case["expected"])}
        | ({"answers": case["answers"]} if "answers" in case else {})
        for case in version.tests
        if case.get("verdict", "confirmed") == "confirmed"
    ]
    return ToolBundle(
        name=tool.name,
        description=version.description,
        function=version.function,
        parameters=version.parameters,
        returns=version.returns,
        permissions=ToolPermissions.model_validate(version.permissions),
        source=version.source,
        tests=tests,
        provenance={
            "version": version.version,
            "origin": version.origin,
            "run_id": None if version.origin_run_id is None else str(version.origin_run_id),
            "step": version.origin_step,
            "created_at": version.created_at.isoformat(),
        },
    )


def check_bundle(bundle: ToolBundle, hashes: Mapping[str, str]) -> None:
    """Raise InvalidInputError unless every part is what its hash says, and name and schemas may be taken."""
    for part, digest in bundle.hashes.items():
        if hashes.get(part) != digest:
            raise InvalidInputError(f"the bundle's {part} is not what sha256.{part} says: it was changed on the way")
    if not NAME.fullmatch(bundle.name) or bundle.name in BUILTIN_TOOLS:
        raise InvalidInputError(f"a tool may not be called {bundle.name!r}")
    for part, schema in (("parameters", bundle.parameters), ("returns", bundle.returns)):
        fault = foreign_fault(schema)
        if fault is not None:
            raise InvalidInputError(f"{part}: {fault}")
    if bundle.parameters.get("type") != "object":
        raise InvalidInputError('parameters: a schema of type "object" is needed')


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
