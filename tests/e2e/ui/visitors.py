"""Who uses the admin UI in these tests."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from fixtures_stack import Stack
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

ROOT = Path(__file__).parents[3]
AXE = ROOT / "server" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 60_000  # for one expectation, on a busy machine


@dataclass
class Visitor:
    """A browser context of its own, and what its console complained about."""

    stack: Stack
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def open(self, path: str) -> Page:
        """Go to a page of the UI."""
        self.page.goto(f"{self.stack.url}{path}")
        return self.page

    def sign_in(self, key: str | None = None) -> None:
        """Sign in as a person would."""
        self.open("/")
        self.choose_key()
        self.page.get_by_label("API key").fill(key or self.stack.key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview").wait_for()

    def choose_key(self) -> None:
        """On the sign-in page, the form for keys: it comes first only while there is no user."""
        way = self.page.get_by_role("button", name=re.compile("^Use an? (API key|password) instead$"))
        if "API key" in way.inner_text():
            way.click()

    def take_cookie(self, key: str | None = None) -> None:
        """Sign in without the form."""
        answer = self.context.request.post(
            f"{self.stack.url}/v1/auth/login",
            data=json.dumps({"key": key or self.stack.key}),
            headers={"Content-Type": "application/json", "Origin": self.stack.url},
        )
        assert answer.ok, answer.text()

    def note(self, message: ConsoleMessage) -> None:
        """Remember an error or warning of the console."""
        where = message.location["url"]
        # A machine that stands still for two seconds has no answer to a probe, and says so; no test here is about that.
        if where == f"{self.stack.url}/readyz" and "status of 503" in message.text:
            return
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.expected):
            self.complaints.append(f"{message.type}: {message.text} {where}")


def visit(stack: Stack, browser: Browser, **options: object) -> Visitor:
    """A visitor with a fresh context; `options` are Playwright's."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(stack, context, context.new_page())
    visitor.page.on("console", visitor.note)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"exception: {error}"))
    return visitor
