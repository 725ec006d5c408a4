"""What stays as it is in Chromium while all around it moves: queued words, new requests, outages, other people."""

from collections.abc import Iterator

import pytest
from fixtures_stack import Stack
from playwright.sync_api import expect
from stack_parts import until
from ui_scripts import DEFAULT, RULES, SLOW
from visitors import PATIENCE_MS, Visitor

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(autouse=True)
def _script(garden: Stack) -> None:
    garden.model.script(*RULES, default=DEFAULT)


@pytest.fixture
def asked(garden: Stack) -> Iterator[tuple[str, str]]:
    """An agent that asks before it calculates, and a run of it that waits for a person."""
    agent = garden.make_agent(tools=["calculate"], approval={"tools": ["calculate"]})
    run = garden.submit(agent, "What is the sum of 2 and 3?")
    until(
        lambda: len(garden.get("/v1/approvals", status="pending", agent_id=_id(garden, agent))["items"]) == 1,
        within_s=20,
    )
    yield agent, run["id"]
    for run in garden.get("/v1/runs", agent_id=_id(garden, agent))["items"]:
        if run["finished_at"] is None:
            garden.post(f"/v1/runs/{run['id']}/cancel")


def _id(garden: Stack, agent: str) -> str:
    return str(garden.get(f"/v1/agents/{agent}")["id"])


def test_words_that_wait_take_neither_the_live_text_nor_the_stop_from_the_run_at_work(
    admin: Visitor, garden: Stack
) -> None:
    session = garden.post("/v1/sessions", {"agent": garden.make_agent(), "title": "two at once"})
    page = admin.open(f"/sessions/{session['id']}")
    page.get_by_label("Message").fill("Talk for ever.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bubble-live")).to_contain_text("Gardens")
    page.get_by_label("Message").fill("And then?")
    page.get_by_role("button", name="Send").click()
    first, second = page.get_by_role("article").first, page.get_by_role("article").last
    expect(second).to_contain_text("queued")
    expect(first.locator(".bubble-live")).to_contain_text("Gardens")
    page.get_by_role("button", name="Stop").click()
    expect(first).to_contain_text("cancelled")
    garden.model.release("slowly")
    expect(second).to_contain_text(SLOW)


def test_what_is_decided_on_stays_while_others_come_and_it_goes(
    admin: Visitor, garden: Stack, asked: tuple[str, str]
) -> None:
    agent, run = asked
    page = admin.open("/approvals")
    page.get_by_label("Reason").fill("the invoice is")
    newer = garden.submit(agent, "What is the sum of 2 and 30?")
    expect(page.get_by_role("listitem").filter(has_text=agent)).to_have_count(2)
    expect(page.get_by_label("Reason")).to_have_value("the invoice is")
    expect(page.get_by_role("link", name=f"…{run[-8:]}")).to_be_visible()
    garden.post(f"/v1/runs/{run}/cancel")
    expect(page.get_by_role("listitem").filter(has_text=agent)).to_have_count(1)
    expect(page.get_by_role("link", name=f"…{run[-8:]}")).to_be_visible()
    expect(page.get_by_role("button", name="Deny")).to_have_count(0)
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=f"…{newer['id'][-8:]}")).to_be_visible()


def test_a_page_asked_for_in_an_outage_comes_by_itself(admin: Visitor, garden: Stack) -> None:
    admin.expected = ("dynamically imported module", "Failed to load resource")
    page = admin.open("/runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    garden.apis[0].kill()
    page.get_by_role("link", name="Agents").click()
    expect(page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
    garden.apis[0].start()
    expect(page.get_by_role("heading", name="Agents")).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(page.get_by_role("link", name="gardener")).to_be_visible()
    admin.complaints.clear()  # what a page says whose code could not be fetched is worded by the browser


def test_a_stop_that_did_not_get_through_keeps_its_question_and_the_reason(admin: Visitor, garden: Stack) -> None:
    admin.expected = ("Failed to load resource",)
    page = admin.open(f"/agents/{garden.make_agent()}")
    page.route("**/v1/agents/*/stop", lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Pause agent").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("mails were sent")
    dialog.get_by_role("button", name="Pause agent").click()
    expect(dialog.get_by_role("button", name="Close note")).to_be_visible()
    expect(dialog.get_by_label("Why")).to_have_value("mails were sent")
    dialog.get_by_role("button", name="Pause agent").click()
    banner = page.get_by_role("region", name="Stops in force")
    expect(banner).to_contain_text("mails were sent")
    expect(dialog).to_have_count(0)
    banner.get_by_role("button", name="Lift").click()
    dialog.get_by_role("button", name="Lift").click()
    expect(banner).to_have_count(0)


def test_nothing_is_left_on_the_page_for_who_signs_in_next(admin: Visitor, garden: Stack) -> None:
    admin.expected = ("status of 401", "status of 403")
    secret = garden.post("/v1/admin/keys", {"name": "narrow", "scopes": ["runs:read"]})["secret"]
    page = admin.open("/agents")
    expect(page.get_by_role("link", name="gardener")).to_be_visible()
    other = admin.context.new_page()
    other.goto(f"{garden.url}/runs")
    other.get_by_role("button", name="Sign out").click()
    admin.choose_key()
    page.get_by_label("API key").fill(secret)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Your key or role does not cover this")).to_be_visible()
    expect(page.get_by_role("link", name="gardener")).to_have_count(0)


def test_copying_in_a_dialog_works_without_the_browsers_clipboard(admin: Visitor) -> None:
    """Pages over plain HTTP have none, and what is shown once must be copied nevertheless."""
    admin.context.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page = admin.open("/settings?tab=keys")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("copied")
    dialog.get_by_role("button", name="Create key").click()
    secret = dialog.locator("code").inner_text()
    dialog.get_by_role("button", name="Copy key").click()
    expect(dialog.get_by_role("button", name="key copied")).to_be_visible()
    dialog.get_by_role("button", name="Close", exact=True).click()
    admin.open("/memory").get_by_label("Search memory").press("Control+v")
    expect(page.get_by_label("Search memory")).to_have_value(secret)
