"""The admin UI in Chromium, over a whole Hortus: real api, worker, beat and services, and the scripted model."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_stack import TIMEOUT_S, Stack, open_stack
from playwright.sync_api import Browser, sync_playwright
from visitors import Visitor, visit

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "server" / "hortus_server" / "static"
CHROMIUM = os.environ.get("HORTUS_TEST_CHROMIUM", "/usr/bin/chromium")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Webhooks may reach the tests' own receivers; what failed is tried again soon, and what waits is stuck soon.
SETTINGS = {
    "HORTUS_WEBHOOKS_ALLOW_PRIVATE": '["127.0.0.0/8"]',
    "HORTUS_WEBHOOKS_RETRY_S": "[2, 2, 2, 2]",
    "HORTUS_API_STUCK_QUEUED_S": "2",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser, and the first test the time in which a stack starts."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with one process of each kind, shared by the tests of the UI."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("the admin UI is not built; run `make ui` first")
    with open_stack(tmp_path_factory.mktemp("garden"), settings=SETTINGS) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium(garden: Stack) -> Iterator[Browser]:
    """One browser; it starts after the stack, whose start may not find an event loop running."""
    assert garden.apis
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def stranger(garden: Stack, chromium: Browser) -> Iterator[Visitor]:
    """Nobody yet. Being refused is logged by the browser as an error."""
    visitor = visit(garden, chromium)
    visitor.expected = ("status of 401",)
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


@pytest.fixture
def admin(garden: Stack, chromium: Browser) -> Iterator[Visitor]:
    """Signed in with the first admin key. Fails when the console complained."""
    visitor = visit(garden, chromium)
    visitor.take_cookie()
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []
