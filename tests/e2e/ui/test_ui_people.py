"""Set-up, people, keys: from the printed key to a viewer who sees nothing that would be refused."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fixtures_stack import Stack
from playwright.sync_api import Browser, Page, Response, expect
from stack_parts import until
from ui_scripts import DEFAULT, GROWING, RULES
from visitors import Visitor, visit

PASSWORD = "seven green gardens"
TABS = ("users", "keys", "stops", "budget", "limits", "secrets", "audit", "workers", "models", "me")
PAGES = (
    "/", "/runs", "/runs?status=stuck", "/sessions", "/sessions?new=1", "/approvals", "/approvals?show=all", "/agents",
    "/tools", "/memory", "/memory?q=sum&view=map", "/memory?view=timeline", "/policies", "/schedules", "/webhooks",
    *(f"/settings?tab={tab}" for tab in TABS),
)  # fmt: skip
FORMS = ("/agents/new", "/policies/new", "/schedules/new", "/webhooks/new")
FORBIDDEN = "Your key or role does not cover this"
# Choose what is shown; the same everywhere, so that one press of each name is enough.
LOOKING = ".chip, .copy, [aria-pressed], [aria-expanded], [role=tab]"
# Acts on one's own login, which every role may do; and the one question that is asked by POST.
OWN = ("/v1/me", "/v1/auth/", "/v1/policies:simulate")


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
    owner: Visitor, garden: Stack, chromium: Browser, things: tuple[str, ...]
) -> None:
    page = owner.open("/settings?tab=users")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    email = f"vera-{uuid4().hex[:6]}@example.org"
    dialog.get_by_label("Email").fill(email)
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_role("button", name="Make the link").click()
    link = page.get_by_role("dialog").locator("code").inner_text()
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()

    viewer = visit(garden, chromium)
    viewer.expected = ("status of 403",)
    viewer.page.goto(link)
    expect(viewer.page.get_by_text(email)).to_be_visible()
    viewer.page.get_by_label("Your name").fill("Vera")
    viewer.page.get_by_label("New password").fill(PASSWORD)
    viewer.page.get_by_role("button", name="Join").click()
    expect(viewer.page.get_by_role("heading", name="Overview")).to_be_visible()
    assert "#" not in viewer.page.url

    refused = _press_everything(viewer, (*PAGES, *things))
    assert refused == []
    for path in (
        *FORMS,
        *(f"{detail}/edit" for detail in things if re.match("/(agent|polic|schedule|webhook)", detail)),
    ):
        viewer.open(path)
        expect(viewer.page.get_by_text(FORBIDDEN)).to_be_visible()
        assert viewer.page.locator("main form").count() == 0

    page.reload()
    page.get_by_role("button", name="Change Vera").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep out").click()
    asked = page.get_by_role("dialog", name="Keep out: Vera?")
    asked.get_by_role("button", name="Keep out").click()
    expect(page.get_by_role("row", name=f"Vera {email}")).to_contain_text("kept out")
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
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    return secret


def _works(garden: Stack, secret: str) -> bool:
    answer = httpx.get(f"{garden.url}/v1/runs", headers={"Authorization": f"Bearer {secret}"}, timeout=10)
    return answer.status_code == 200


@pytest.fixture
def things(garden: Stack) -> Iterator[tuple[str, ...]]:
    """Pages of one thing of each kind, with whatever can be done to it; nothing of it goes on afterwards."""
    agent = garden.make_agent(tools=["calculate"], memory={"recall": True, "remember": True})
    agent_id = garden.get(f"/v1/agents/{agent}")["id"]
    garden.post(f"/v1/agents/{agent}/versions", {"spec": {"instructions": "Speak of gardens."}})
    run = garden.ended(garden.submit(agent, "What is the sum of 2 and 3?"))
    working = garden.submit(garden.make_agent(), "Talk for ever.")
    asker = garden.make_agent(tools=["calculate"], approval={"tools": ["calculate"]})
    asking = garden.submit(asker, "What is the sum of 2 and 3?")
    grower = garden.make_agent(**GROWING)
    garden.ended(garden.submit(grower, "What is 2024 in Roman numerals?"))
    until(lambda: garden.get("/v1/approvals")["items"] and garden.get("/v1/memories")["items"])
    rules = [{"name": "sums", "tools": ["calculate"], "effect": "allow"}]
    policy = garden.post("/v1/policies", {"name": f"sums-{agent}", "agent": agent, "rules": rules})["id"]
    garden.post(f"/v1/policies/{policy}/versions", {"rules": []})
    timing = {"kind": "cron", "expression": "0 8 1 1 *", "time_zone": "UTC"}
    made = {"name": f"yearly-{agent}", "agent": agent, "input": "Write.", "timing": timing}
    schedule = garden.post("/v1/schedules", made)["id"]
    webhook = garden.post("/v1/webhooks", {"url": "http://127.0.0.1:9009/hook", "events": ["budget.warned"]})["id"]
    memory, tool = (garden.get(f"/v1/{kind}")["items"][0]["id"] for kind in ("memories", "tools"))
    yield (
        f"/runs/{run['id']}?at=4", f"/runs/{run['id']}/trace", f"/runs/{working['id']}",
        f"/sessions/{run['session_id']}", f"/sessions/{working['session_id']}", f"/agents/{agent_id}",
        f"/memory/{memory}", f"/tools/{tool}", f"/policies/{policy}", f"/schedules/{schedule}", f"/webhooks/{webhook}",
    )  # fmt: skip
    for left in (working, asking):
        garden.post(f"/v1/runs/{left['id']}/cancel")
        garden.ended(left)


def _press_everything(viewer: Visitor, paths: tuple[str, ...]) -> list[str]:
    """Press each button and each link that looks like one; what was refused, or would have changed something."""
    refused: list[str] = []
    at = ""

    def note(response: Response) -> None:
        path = urlsplit(response.url).path
        acts = response.request.method != "GET" and path.startswith("/v1") and not path.startswith(OWN)
        if acts or response.status == 403:
            refused.append(f"{at}: {response.request.method} {path} {response.status}")

    viewer.page.on("response", note)
    pressed: set[tuple[str, str]] = set()
    for path in paths:
        at = path
        page = _settled(viewer, path)
        for place, name in _offered(page, path):
            if (place, name) in pressed:
                continue
            pressed.add((place, name))
            at = f"{path}: {name!r}"
            refused += [f"{at}: {what}" for what in _press(viewer, path, name)]
    viewer.page.remove_listener("response", note)
    assert len(pressed) > 60, "the pages offered too little for this to mean anything"
    return refused


def _settled(viewer: Visitor, path: str) -> Page:
    page = viewer.open(path)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    return page


def _offered(page: Page, path: str) -> list[tuple[str, str]]:
    """Where and under which name something can be pressed; what only looks is the same everywhere."""
    found: list[list[object]] = page.locator("main :is(button, a.button):enabled:visible").evaluate_all(
        "(all, looking) => all.map((each) => "
        "[each.matches(looking), (each.getAttribute('aria-label') ?? each.innerText).trim()])",
        LOOKING,
    )
    names = [(looks, re.sub(r"\d[\d,]*", "1", str(name)), str(name)) for looks, name in found]
    first = {("" if looks else path, alike): name for looks, alike, name in reversed(names)}
    return [(place, name) for (place, _), name in first.items()]


def _press(viewer: Visitor, path: str, name: str) -> list[str]:
    """Press it; a question that it asks counts as an act, unless it is about one's own login."""
    page = viewer.page
    target = page.locator("main").get_by_role("button", name=name, exact=True)
    target = target.or_(page.locator("main a.button").filter(has_text=name)).first
    if not target.is_visible() or not target.is_enabled():
        return []
    target.click()
    page.wait_for_timeout(30)
    asked = [] if path.endswith("tab=me") else page.locator("dialog[open] [type=submit]").all_inner_texts()
    told = page.get_by_text(FORBIDDEN).count() if page.url != f"{viewer.stack.url}{path}" else 0
    if asked:
        page.keyboard.press("Escape")
    if urlsplit(page.url).path != urlsplit(path).path or path.endswith("tab=me"):
        _settled(viewer, path)
    return [*asked, *(["leads to what is forbidden"] if told else [])]
