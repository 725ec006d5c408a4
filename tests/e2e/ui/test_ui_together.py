"""What several people do at once, and what is gone when somebody opens it, in Chromium."""

from uuid import uuid4

import pytest
from fixtures_stack import Stack
from playwright.sync_api import expect
from receiver import open_receiver
from stack_parts import until
from ui_scripts import DEFAULT, RULES
from visitors import PATIENCE_MS, Visitor

expect.set_options(timeout=PATIENCE_MS)
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _script(garden: Stack) -> None:
    garden.model.script(*RULES, default=DEFAULT)


def test_a_policy_that_was_changed_meanwhile_is_not_overwritten_unseen(admin: Visitor, garden: Stack) -> None:
    admin.expected = ("status of 409",)
    rule = {"name": "none", "tools": ["order"], "effect": "deny"}
    made = {"name": f"both-{uuid4().hex[:6]}", "agent": garden.make_agent(), "rules": [rule]}
    policy = garden.post("/v1/policies", made)["id"]
    page = admin.open(f"/policies/{policy}/edit")
    page.get_by_label("Reason", exact=True).fill("mine")
    garden.post(f"/v1/policies/{policy}/versions", {"rules": [{**rule, "reason": "theirs"}]})
    page.wait_for_timeout(1_000)  # what was read a second ago is read anew once the tab is looked at
    with page.expect_response(f"**/v1/policies/{policy}"):
        page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("button", name="Save as a new version").click()
    faster = page.get_by_role("alert").filter(has_text="Somebody else was faster")
    expect(faster).to_contain_text("version 2")
    assert garden.get(f"/v1/policies/{policy}")["latest_version"] == 2
    faster.get_by_role("button", name="Save mine after it").click()
    expect(page.get_by_role("region", name="Rules in order, version 3")).to_contain_text("mine")


def test_a_memory_that_was_edited_meanwhile_says_so_first(admin: Visitor, garden: Stack) -> None:
    agent = garden.make_agent(memory={"recall": False, "remember": True})
    run = garden.ended(garden.submit(agent, "Remember the lupins."))

    def written() -> list[str]:
        return [each["id"] for each in garden.get("/v1/memories")["items"] if each["run_id"] == run["id"]]

    until(written, why=garden.logs)
    (memory,) = written()
    page = admin.open(f"/memory/{memory}")
    edit = page.get_by_role("button", name="Edit")
    edit.press("Enter")
    page.keyboard.press("Escape")
    expect(edit).to_be_focused()
    edit.press("Enter")
    page.get_by_label("What is remembered").fill("Lupins are blue.")
    with garden.client() as http:
        http.patch(f"/v1/memories/{memory}", json={"content": "Lupins are red."}).raise_for_status()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("“Lupins are red.”")
    assert garden.get(f"/v1/memories/{memory}")["content"] == "Lupins are red."
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Lupins are blue.")).to_be_visible()
    assert garden.get(f"/v1/memories/{memory}")["content"] == "Lupins are blue."


def test_what_two_tabs_change_of_a_schedule_both_stays(admin: Visitor, garden: Stack) -> None:
    timing = {"kind": "once", "at": "2099-07-01T08:00:30Z"}
    made = {"name": f"far-{uuid4().hex[:6]}", "agent": garden.make_agent(), "input": "Write it.", "timing": timing}
    schedule = garden.post("/v1/schedules", made)["id"]
    page = admin.open(f"/schedules/{schedule}/edit")
    page.get_by_label("If the last run has not ended").select_option("allow")
    with garden.client() as http:
        http.patch(f"/v1/schedules/{schedule}", json={"input": "Write it well."}).raise_for_status()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Write it well.")).to_be_visible()
    expect(page.get_by_text("once, ")).to_contain_text("2099")
    kept = garden.get(f"/v1/schedules/{schedule}")
    assert (kept["overlap"], kept["timing"]["at"]) == ("allow", timing["at"])


def test_a_new_secret_does_not_take_the_place_of_another_of_its_name(admin: Visitor, garden: Stack) -> None:
    name = f"KEY_{uuid4().hex[:6].upper()}"
    agent = garden.make_agent()
    with garden.client() as http:
        http.put(
            f"/v1/secrets/{name}", json={"value": "first-value", "hosts": ["a.org"], "agent": agent}
        ).raise_for_status()
    page = admin.open("/settings?tab=secrets")
    page.get_by_role("button", name="New secret").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Value").fill("second-value")
    dialog.get_by_label("Where it may be sent").fill("b.org")
    dialog.get_by_role("button", name="Store").click()
    expect(dialog.get_by_text("there is a secret of this name")).to_be_visible()
    kept = garden.get(f"/v1/secrets/{name}")
    assert (kept["version"], kept["agent_id"]) == (1, garden.get(f"/v1/agents/{agent}")["id"])


def test_a_delivery_opens_where_it_is_seen(admin: Visitor, garden: Stack) -> None:
    agent = garden.make_agent()
    with open_receiver() as receiver:
        made = {"url": receiver.url, "events": ["run.*"], "agent": agent}
        webhook = garden.post("/v1/webhooks", made)["id"]
        garden.ended(garden.submit(agent))
        until(lambda: len(garden.get(f"/v1/webhooks/{webhook}/deliveries")["items"]) > 1, why=garden.logs)
        admin.page.set_viewport_size({"width": 1280, "height": 320})
        page = admin.open(f"/webhooks/{webhook}")
        page.get_by_role("button", name="run.queued").click()
        expect(page.get_by_role("heading", name="Delivery", exact=True)).to_be_in_viewport()
        with garden.client() as http:
            http.delete(f"/v1/webhooks/{webhook}").raise_for_status()


def test_what_is_gone_keeps_its_heading_and_the_way_back(admin: Visitor) -> None:
    admin.expected = ("status of 404",)
    for place in ("tools", "memory", "policies", "schedules", "webhooks"):
        page = admin.open(f"/{place}/{NOBODY}")
        expect(page.get_by_text("There is no such thing here")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".crumb")).to_have_attribute("href", f"/{place}")
