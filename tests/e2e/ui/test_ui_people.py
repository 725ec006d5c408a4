"""Set-up, people, keys: from the printed key to a viewer who sees nothing that would be refused."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fixtures_stack import Stack
from playwright.sync_api import Browser, Page, expect
from ui_scripts import DEFAULT, RULES
from visitors import Visitor, visit

PASSWORD = "seven green gardens"
PAGES = (
    "/", "/runs", "/sessions", "/approvals", "/agents", "/tools", "/memory", "/schedules", "/webhooks",
    *(f"/settings?tab={tab}" for tab in ("users", "keys", "stops", "budget", "limits", "workers", "models", "me")),
)  # fmt: skip
# What changes nothing but one's own view or login.
HARMLESS = re.compile(
    r"^(Copy .*|.* copied|Theme.*|Sign out|Sign out everywhere else|Jump.*|Menu|Close.*|Change password|Cancel|Show.*"
    r"|Try again|All|Waiting|Search|Raw.*|Play|Skip.*|Follow.*|Clear.*|\d+ .*|Last .*|.*table.*|Find|Filter.*|Reload"
    r"|Open session|Trace)$",
    re.IGNORECASE | re.DOTALL,
)


@pytest.fixture(autouse=True)
def _script(garden: Stack) -> None:
    garden.model.script(*RULES, default=DEFAULT)


@pytest.fixture(scope="module")
def owner(garden: Stack, chromium: Browser) -> Iterator[Visitor]:
    """The first owner, made in the UI with the printed key."""
    visitor = visit(garden, chromium)
    visitor.expected = ("status of 401",)
    visitor.sign_in()
    page = visitor.page
    page.get_by_role("button", name="Create the first owner").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("ann@example.org")
    dialog.get_by_label("Your name").fill("Ann")
    dialog.get_by_label("New password").fill("short")
    dialog.get_by_role("button", name="Create and sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("12 characters")
    visitor.expected += ("status of 422",)
    dialog.get_by_label("New password").fill(PASSWORD)
    dialog.get_by_role("button", name="Create and sign in").click()
    expect(page.get_by_text("Ann", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Create the first owner")).to_have_count(0)
    yield visitor
    visitor.context.close()


def test_the_first_owner_signs_in_with_the_password(owner: Visitor, garden: Stack, chromium: Browser) -> None:
    visitor = visit(garden, chromium)
    page = visitor.open("/settings?tab=me")
    page.get_by_label("Email").fill("ann@example.org")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    expect(page.get_by_role("cell", name="Chrome on Linux (this one)")).to_be_visible()
    stored = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert PASSWORD not in stored
    assert "hl_" not in stored
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page.get_by_label("Email")).to_be_visible()
    visitor.context.close()


def test_a_key_is_made_used_rotated_and_revoked(owner: Visitor, garden: Stack) -> None:
    page = owner.open("/settings?tab=keys")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("billing")
    dialog.get_by_role("button", name="Create key").click()
    first = _shown_secret(page)
    row = page.get_by_role("row", name="billing")
    expect(row).to_contain_text("by Ann")
    assert _works(garden, first)
    row.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Make the new secret").click()
    second = _shown_secret(page)
    expect(row).to_contain_text("old secret ends")
    assert first != second
    assert _works(garden, first)
    assert _works(garden, second)
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert not _works(garden, second)


def test_a_viewer_comes_by_a_link_and_sees_no_button_that_would_be_refused(
    owner: Visitor, garden: Stack, chromium: Browser
) -> None:
    page = owner.open("/settings?tab=users")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("vera@example.org")
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_role("button", name="Make the link").click()
    link = page.get_by_role("dialog").locator("code").inner_text()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()

    viewer = visit(garden, chromium)
    viewer.expected = ("status of 403",)
    viewer.page.goto(link)
    expect(viewer.page.get_by_text("vera@example.org")).to_be_visible()
    viewer.page.get_by_label("Your name").fill("Vera")
    viewer.page.get_by_label("New password").fill(PASSWORD)
    viewer.page.get_by_role("button", name="Join").click()
    expect(viewer.page.get_by_role("heading", name="Overview")).to_be_visible()
    assert "#" not in viewer.page.url

    agent = garden.make_agent()
    run = garden.ended(garden.submit(agent, "What is the sum of 2 and 3?"))
    agent_id = garden.get(f"/v1/agents/{agent}")["id"]
    details = (f"/runs/{run['id']}", f"/sessions/{run['session_id']}", f"/agents/{agent_id}")
    offered = {path: _buttons_beyond_looking(viewer, path) for path in (*PAGES, *details)}
    assert {path: names for path, names in offered.items() if names} == {}

    page.reload()
    page.get_by_role("button", name="Change Vera").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep out").click()
    expect(page.get_by_role("row", name="Vera vera@")).to_contain_text("kept out")
    viewer.expected += ("status of 401",)
    viewer.open("/runs")
    expect(viewer.page.get_by_label("Email")).to_be_visible()
    viewer.context.close()


def test_somebody_in_two_tenants_moves_between_them(owner: Visitor) -> None:
    page = owner.open("/settings?tab=tenants")
    page.get_by_role("button", name="New tenant").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("orchard")
    dialog.get_by_label("Email of its first owner").fill("ann@example.org")
    dialog.get_by_role("button", name="Create tenant").click()
    link = page.get_by_role("dialog").locator("code").inner_text()
    page.goto("about:blank")
    page.goto(link)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    switch = page.get_by_label("Tenant")
    expect(switch).to_contain_text("orchard (owner)")
    page.goto(f"{owner.stack.url}/agents")
    expect(page.get_by_text("No agent")).to_be_visible()
    switch.select_option(label="default (owner)")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto(f"{owner.stack.url}/settings?tab=tenants")
    expect(page.get_by_role("row", name="orchard")).to_be_visible()


def _shown_secret(page: Page) -> str:
    secret = page.get_by_role("dialog").locator("code").inner_text()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    return secret


def _works(garden: Stack, secret: str) -> bool:
    answer = httpx.get(f"{garden.url}/v1/runs", headers={"Authorization": f"Bearer {secret}"}, timeout=10)
    return answer.status_code == 200


def _buttons_beyond_looking(viewer: Visitor, path: str) -> list[str]:
    page = viewer.open(path)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    # Chips, tabs and toggles choose what is shown.
    looking = ".chip, [aria-pressed], [aria-expanded], [role=tab], .copy"
    buttons = page.locator(f"main :is(button, a.button):visible:not(:is({looking}))")
    names = [button.get_attribute("aria-label") or button.inner_text() for button in buttons.all()]
    return [name for name in names if not HARMLESS.match(name.strip())]
