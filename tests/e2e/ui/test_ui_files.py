"""Files that a run's code has left, saved from the browser and from the command line."""

import json
import subprocess
import sys
from pathlib import Path

from fixtures_stack import Stack
from playwright.sync_api import expect
from ui_scripts import DEFAULT, RULES
from visitors import PATIENCE_MS, Visitor

expect.set_options(timeout=PATIENCE_MS)


def test_what_code_has_left_is_saved(admin: Visitor, garden: Stack, tmp_path: Path) -> None:
    garden.model.script(*RULES, default=DEFAULT)
    run = garden.submit(garden.make_agent(tools=["python"]), "Please leave files.")
    page = admin.open(f"/runs/{run['id']}")
    card = page.get_by_role("region", name="Files")
    with page.expect_download() as started:
        card.get_by_role("link", name="table.csv, 8 bytes").click()
    assert Path(started.value.path()).read_text() == "a,b\n1,2\n"
    with page.expect_download() as started:
        card.get_by_role("link", name="the whole result").click()
    assert started.value.suggested_filename.startswith("result-")
    assert Path(started.value.path()).read_text().startswith("x" * 9_000)
    expect(page.get_by_text("They are left.")).to_be_visible()

    command = [sys.executable, "-m", "hortus_server.cli", "run", "files", run["id"]]
    settings = {**garden.env, "HORTUS_URL": garden.url, "HORTUS_API_KEY": garden.key}

    def tell(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *options], env=settings, capture_output=True, text=True, timeout=60, check=False
        )

    listed = json.loads(tell("--json").stdout)
    assert [(file["kind"], file["name"]) for file in listed] == [("result", "_result.txt"), ("file", "table.csv")]
    saved = tmp_path / "saved"
    done = tell("--save", str(saved))
    assert done.returncode == 0, done.stderr
    seq = listed[0]["seq"]
    assert sorted(file.name for file in saved.iterdir()) == [f"{seq}-_result.txt", f"{seq}-table.csv"]
    again = tell("--save", str(saved))
    assert again.returncode == 1
    assert "is there already" in again.stderr + again.stdout
