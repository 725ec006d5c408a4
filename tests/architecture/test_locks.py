"""What is installed is pinned by hashes, everywhere, and the bill of materials names it."""

import json
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "deploy" / "locks").glob("*.txt"))
INSTALLERS = ["Makefile", "deploy/Dockerfile", "hortus"]
INSTALL = re.compile(r"pip install\b|\binstall_into (?!\(\))")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_hashes(lock: Path) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8"))
    pins = [block for block in blocks if "==" in block.partition("\n")[0]]
    assert pins
    assert [pin.partition(" ")[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert [block for block in blocks if "--index-url" in block or "@ http" in block] == []


@pytest.mark.parametrize("name", INSTALLERS)
def test_nothing_is_installed_without_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if INSTALL.search(line) and not line.lstrip().startswith("#")]
    assert lines
    # The project itself is installed from its own folder, without anything that it depends on.
    loose = [
        line for line in lines if "--require-hashes" not in line and "--no-deps" not in line and '"$@"' not in line
    ]
    assert loose == []


def test_the_bill_of_materials_names_all_that_is_pinned() -> None:
    bill = runpy.run_path(str(ROOT / "deploy" / "sbom.py"))["bill"]()
    named = {component["purl"] for component in bill["components"]}
    runtime = (ROOT / "deploy" / "locks" / "runtime.txt").read_text(encoding="utf-8")
    pinned = {f"pkg:pypi/{pin.replace('==', '@').lower()}" for pin in re.findall(r"(?m)^[\w.-]+==[^\s;\\]+", runtime)}
    assert pinned
    assert pinned <= named
    lock = json.loads((ROOT / "server" / "ui" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {(path.rpartition("node_modules/")[2], one["version"]) for path, one in lock["packages"].items() if path}
    assert len(named) == len(pinned) + len(packages)
    assert all(component["hashes"] for component in bill["components"])
