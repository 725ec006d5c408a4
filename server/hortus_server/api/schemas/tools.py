"""Changes of evolved tools, and tools as files, as sent and received."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from hortus_agents.evolution.static_check import MAX_SOURCE
from hortus_agents.tools.capability import ToolPermissions
from hortus_server.api.schemas.library import ToolVersionView, ToolView
from hortus_server.api.schemas.wire import Body, View

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="why; kept with the tool and in the audit log",
        examples=["read it, fine"],
    ),
]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ToolChange(Body):
    """Which version, and why."""

    version: int | None = Field(
        default=None, ge=1, le=2_147_483_647, description="null: the newest that the change makes sense for"
    )
    reason: Reason


class ToolHashes(Body):
    """SHA-256 of each part of a bundle."""

    manifest: Digest = Field(examples=["0" * 64], description="of canonical JSON: sorted keys, no spaces")
    source: Digest = Field(description="of the source's UTF-8 bytes")
    tests: Digest = Field(description="of canonical JSON")


class ToolManifest(Body):
    """What a tool promises and declares."""

    name: str = Field(pattern="^[a-z][a-z0-9_]{1,39}$", examples=["slugify"])
    description: str = Field(min_length=1, max_length=500)
    function: str = Field(pattern="^[a-z_][a-z0-9_]{0,63}$", description="what the source defines")
    parameters: dict[str, Any] = Field(description="JSON schema of type object")
    returns: dict[str, Any] = Field(description="JSON schema of the result")
    permissions: ToolPermissions = Field(default_factory=ToolPermissions)


class ToolTest(Body):
    """A call and its result."""

    arguments: dict[str, Any] = Field(examples=[{"text": "Ä b"}])
    expected: Any


class ToolBundleBody(Body):
    """A tool as a file. What it says of its provenance is shown to nobody and believed by nobody."""

    format: Literal["hortus.tool/1"] = Field(examples=["hortus.tool/1"])
    manifest: ToolManifest
    source: str = Field(min_length=1, max_length=MAX_SOURCE)
    tests: list[ToolTest] = Field(min_length=1, max_length=32, description="run on this server before anything else")
    sha256: ToolHashes
    provenance: dict[str, Any] = Field(default_factory=dict)


class ToolBundleView(View):
    """A tool as a file, to be imported by another server."""

    format: Literal["hortus.tool/1"]
    manifest: Mapping[str, Any]
    source: str
    tests: tuple[Mapping[str, Any], ...]
    sha256: Mapping[str, str]
    provenance: Mapping[str, Any]


class ImportedToolView(View):
    """What an import has made; it is used by nobody before it is checked here and enabled by a person."""

    tool: ToolView
    version: ToolVersionView


class ToolActivation(Body):
    """Whether pure tools that passed every gate become active without a person."""

    activate_pure: bool = Field(examples=[False])


class ToolActivationView(View):
    """Whether pure tools that passed every gate become active without a person."""

    activate_pure: bool
