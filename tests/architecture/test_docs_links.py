"""Pages hang together: links lead somewhere, and what is listed twice is listed alike."""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def anchors(page: Path) -> set[str]:
    """What a forge makes of the headings: lower case, words joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if "://" in target or target.startswith(("mailto:", "/")):
            continue
        path, _, anchor = unquote(target).partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(found), f"{target} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_structured_examples_are_well_formed(page: Path) -> None:
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "json":
            json.loads(text)
        if language == "yaml":
            yaml.safe_load(text)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_is_linked_from_somewhere(page: Path) -> None:
    if page.parent == ROOT:
        return
    linked = {
        (other.parent / target.partition("#")[0]).resolve()
        for other in PAGES
        if other != page
        for target in LINK.findall(other.read_text(encoding="utf-8"))
        if "://" not in target
    }
    assert {page.resolve(), page.parent.resolve()} & linked, "nobody would find it"


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[\[<>=!~ ;]", entry)[0] for entry in project["dependencies"]}
    page = (ROOT / "docs/adr/0002-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)[1:]
    explained = {re.split(r"\[", name.strip())[0] for row in rows for name in re.sub(r"\[[^\]]*\]", "", row).split(",")}
    assert explained - {"---"} == declared
