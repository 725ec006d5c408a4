"""Commands, options and variables that pages name do exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from cli_page import commands
from settings_page import INTERNAL_VARIABLES, OTHER_VARIABLES, setting_rows

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS: dict[str, Any] = dict(commands())
GROUPS = {name.rpartition(" ")[0] for name in COMMANDS if name.count(" ") > 1}
FENCED = re.compile(r"^```(?:sh|bash|text)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"^(?:\$ |\w+=\S+ )*(?:\./|[\w./]*bin/)?hortus (?P<rest>[a-z].*)")
TEST_VARIABLE = re.compile(r"HORTUS_(TEST|WRITE)_")


def calls(page: Path) -> list[str]:
    """What follows `hortus` in shell blocks and inline code."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    return [found["rest"] for line in lines if (found := CALL.match(line.strip()))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page: Path) -> None:
    for call in calls(page):
        words = shlex.split(re.split(r"[|;&<>]", call)[0], comments=True)
        name = f"hortus {words[0]}"
        if name in GROUPS and len(words) > 1:
            name = f"{name} {words[1]}"
        assert name in COMMANDS or name in GROUPS, f"`hortus {call}`"
        if name not in COMMANDS:
            continue
        known = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, f"`hortus {call}` has no option {used - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_variables_exist(page: Path) -> None:
    known = {row[0] for row in setting_rows()} | set(OTHER_VARIABLES) | set(INTERNAL_VARIABLES)
    known |= set(re.findall(r"HORTUS_[A-Z_]+", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    named = set(re.findall(r"\bHORTUS_[A-Z0-9_]*[A-Z0-9]\b(?!_?\*)", page.read_text(encoding="utf-8")))
    unknown = {name for name in named - known if not TEST_VARIABLE.match(name)}
    assert not unknown


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in FENCED.findall(text) for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", text)
        for line in lines:
            if found := re.match(r"make ([a-z0-9-]+(?: [a-z0-9-]+)*)(?:\s*#.*)?$", line.strip()):
                assert set(found[1].split()) <= targets, f"{page.name}: {line}"
