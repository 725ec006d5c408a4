"""The UI's types come from server/ui/openapi.json, which must be what the API says of itself."""

import json
import subprocess
import sys
from pathlib import Path

UI = Path(__file__).parents[2] / "server" / "ui"


def test_the_uis_description_of_the_api_is_fresh() -> None:
    script = UI / "scripts" / "export_openapi.py"
    made = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True, timeout=120).stdout
    kept = (UI / "openapi.json").read_text()
    assert json.loads(made) == json.loads(kept), "run `npm run openapi` in server/ui"


def test_the_uis_lock_names_no_registry() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
