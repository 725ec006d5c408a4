"""Refuses a wheel without the admin UI: an operator would find out at 3 a.m."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RequireUserInterface(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before each build; editable installs serve a page that says how to build the UI instead."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Look for the bundle where the API serves it from."""
        if version == "editable" or self.target_name != "wheel":
            return
        index = Path(self.root) / "server" / "hortus_server" / "static" / "index.html"
        if not index.is_file():
            raise FileNotFoundError("the admin UI is not built; run `make ui` first (needs Node 20 and npm)")
