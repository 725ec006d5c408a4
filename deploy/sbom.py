"""A bill of materials from the lock files: `python deploy/sbom.py > sbom.json`. CycloneDX 1.5, without any network."""

import base64
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def python_components(lock: str) -> list[dict[str, Any]]:
    """What a lock of pip pins, with the hashes of all its files."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        pinned = PINNED.match(line)
        if pinned:
            name, version = pinned[1].lower(), pinned[2]
            found.append(_component(name, version, f"pkg:pypi/{name}@{version}"))
        for digest in HASH.findall(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest})
    return found


def npm_components(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """What a lock of npm pins for the built pages; packages of the build alone are marked as excluded."""
    found: list[dict[str, Any]] = []
    for path, package in lock["packages"].items():
        if not path:
            continue
        name = path.rpartition("node_modules/")[2]
        made = _component(name, package["version"], f"pkg:npm/{name.replace('@', '%40')}@{package['version']}")
        made["scope"] = "excluded" if package.get("dev") else "required"
        algorithm, _, digest = package.get("integrity", "").partition("-")
        if algorithm == "sha512":
            made["hashes"].append({"alg": "SHA-512", "content": base64.b64decode(digest).hex()})
        found.append(made)
    return found


def bill() -> dict[str, Any]:
    """All that is shipped: the environment of the processes, and the admin UI's packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = python_components((ROOT / "deploy" / "locks" / "runtime.txt").read_text(encoding="utf-8"))
    npm = npm_components(json.loads((ROOT / "server" / "ui" / "package-lock.json").read_text(encoding="utf-8")))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": project["name"], "version": project["version"]}},
        "components": sorted([*python, *npm], key=lambda one: one["purl"]),
    }


def _component(name: str, version: str, purl: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "hashes": []}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
