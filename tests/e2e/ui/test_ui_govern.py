"""Who may do what, and who did: policies with their simulator, secrets, the audit log, limits, traces."""

import re
from uuid import uuid4

import pytest
from fixtures_stack import Stack
from playwright.sync_api import Page, expect
from ui_scripts import DEFAULT, RULES
from visitors import PATIENCE_MS, Visitor

expect.set_options(timeout=PATIENCE_MS)
ONLY_SMALL = '{"properties": {"expression": {"maxLength": 3}}}'


@pytest.fixture(autouse=True)
def _script(garden: Stack) -> None:
    garden.model.script(*RULES, default=DEFAULT)


def test_a_policy_is_written_simulated_changed_compared_and_rolled_back(admin: Visitor, garden: Stack) -> None:
    agent = garden.make_agent(tools=["calculate"])
    past = garden.ended(garden.submit(agent, "What is the sum of 2 and 3?"))
    page = admin.open("/policies/new")
    name = f"sums-{uuid4().hex[:6]}"
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("Agent", exact=True).select_option(label=agent)
    _rule(page, 0, name="no-sums", effect="deny", tools="calculate")
    page.get_by_role("button", name="Add a rule").click()
    _rule(page, 1, name="small-sums", effect="allow", tools="calculate", conditions="{not json")
    expect(page.get_by_text("not JSON: ")).to_be_visible()
    expect(page.get_by_role("button", name="Create policy")).to_be_disabled()
    page.get_by_label("Arguments", exact=True).nth(1).fill(ONLY_SMALL)

    _judges_past_calls(page, past["id"], differing="1 of 1")
    _judges_a_call_by_hand(page)

    page.get_by_role("button", name="Create policy").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert _order(page) == ["small-sums", "no-sums"]
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Reason", exact=True).nth(1).fill("sums are for people")
    page.get_by_label("Why", exact=True).fill("says why")
    page.get_by_role("button", name="Save as a new version").click()
    page.get_by_role("button", name="Diff to 1", exact=True).click()
    changes = page.get_by_role("region", name="Changes from version 1 to 2")
    expect(changes).to_contain_text("no-sums")
    expect(changes).to_contain_text('+   "reason": "sums are for people"')

    denied = garden.ended(garden.submit(agent, "What is the sum of 2 and 3?"))
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("judged by version 1")).to_be_visible()
    assert garden.get(f"/v1/policies/{name}")["current_version"] == 1
    admin.open(f"/runs/{denied['id']}")
    page.get_by_role("button", name="denied: calculate").click()
    expect(page.get_by_role("paragraph").filter(has_text="sums are for people")).to_be_visible()
    page.get_by_role("link", name=re.compile(f"no-sums of {name}, version 2")).click()
    expect(page.get_by_text("Version 1 decides now.")).to_be_visible()


def test_a_secret_is_stored_by_name_replaced_and_deleted_and_the_log_tells_who(admin: Visitor, garden: Stack) -> None:
    name = f"KEY_{uuid4().hex[:6].upper()}"
    page = admin.open("/settings?tab=secrets")
    for button, submit, value in (("New secret", "Store", "first-value"), ("Replace", "Replace", "second-value")):
        place = page if button == "New secret" else page.get_by_role("row", name=name)
        place.get_by_role("button", name=button).first.click()
        dialog = page.get_by_role("dialog")
        if button == "New secret":
            dialog.get_by_label("Name").fill(name)
            dialog.get_by_label("Value").fill(value)
            dialog.get_by_role("button", name=submit).click()
            expect(dialog.get_by_text("name its hosts; * is any")).to_be_visible()
            dialog.get_by_label("Where it may be sent").fill("*")
        dialog.get_by_label("Value").fill(value)
        dialog.get_by_role("button", name=submit).click()
        expect(dialog).to_have_count(0)
        assert value not in page.content()
    row = page.get_by_role("row", name=name)
    expect(row).to_contain_text("nobody")
    expect(row).to_contain_text("any host")
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("Where it may be sent").fill("https://api.example.org")
    expect(page.get_by_text("not a host: https://api.example.org")).to_be_visible()
    page.get_by_label("Where it may be sent").fill("api.example.org\nb.org:8443")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("b.org:8443")
    assert garden.get(f"/v1/secrets/{name}")["version"] == 2
    page.get_by_role("row", name=name).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row", name=name)).to_have_count(0)

    admin.open("/settings?tab=audit")
    page.get_by_label("Did what").fill("secret.*")
    entries = page.get_by_role("region", name="Entries")
    expect(entries.get_by_text("secret.deleted").first).to_be_visible()
    assert "first-value" not in page.content()
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("intact", exact=True)).to_be_visible()
    assert page.url.endswith("action=secret.*")


def test_a_keys_limits_are_changed_and_a_trace_is_read_as_picture_and_table(admin: Visitor, garden: Stack) -> None:
    made = garden.post("/v1/admin/keys", {"name": f"slow-{uuid4().hex[:6]}", "scopes": ["runs:read"]})
    page = admin.open("/settings?tab=limits")
    row = page.get_by_role("row", name=made["name"])
    row.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Requests a minute").fill("0")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_label("Requests a minute").fill("77")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("hold within five seconds")).to_be_visible()
    expect(row).to_contain_text("77")
    limits = garden.get("/v1/admin/limits")["keys"]
    assert [one["own"]["requests_per_minute"] for one in limits if one["key_id"] == made["id"]] == [77]

    run = garden.ended(garden.submit(garden.make_agent(tools=["calculate"]), "What is the sum of 2 and 3?"))
    admin.open(f"/runs/{run['id']}")
    page.get_by_role("link", name="Trace").click()
    page.wait_for_url("**/trace")  # the run's own page has a timeline too
    page.get_by_role("group", name="Timeline of the run").get_by_role("button", name="calculate").click()
    expect(page.get_by_text('"expression": "2 + 3"').first).to_be_visible()
    page.get_by_role("button", name="Show as a table").click()
    table = page.get_by_role("region", name="Trace as a table")
    expect(table.get_by_role("row", name="calculate")).to_have_count(1)
    assert "at=" in page.url, "the chosen row is part of the address"


def _rule(page: Page, place: int, *, name: str, effect: str, tools: str, conditions: str = "") -> None:
    page.get_by_label("Name", exact=True).last.fill(name)
    page.get_by_label("Effect", exact=True).nth(place).select_option(effect)
    page.get_by_label("Tools", exact=True).nth(place).fill(tools)
    if conditions:
        page.get_by_label("Arguments", exact=True).nth(place).fill(conditions)


def _judges_past_calls(page: Page, run_id: str, *, differing: str) -> None:
    page.get_by_label("Only of run").fill(run_id)
    page.get_by_role("button", name="Judge past calls").click()
    expect(page.get_by_role("status").filter(has_text="would be decided otherwise")).to_contain_text(differing)
    row = page.get_by_role("region", name="Decisions").get_by_role("row", name="calculate")
    expect(row).to_contain_text("reads")
    expect(row).to_contain_text("no-sums, as proposed")
    expect(row.get_by_role("link")).to_have_attribute("href", re.compile(f"^/runs/{run_id}"))


def _judges_a_call_by_hand(page: Page) -> None:
    page.get_by_role("button", name="A call by hand").click()
    page.get_by_label("Tool", exact=True).fill("calculate")
    page.get_by_label("Its arguments").fill('{"expression": "1"}')
    page.get_by_role("button", name="Judge this call").click()
    decisions = page.get_by_role("region", name="Decisions")
    expect(decisions).to_contain_text("no-sums, as proposed")
    page.get_by_role("button", name="Ask small-sums earlier").click()
    expect(page.get_by_role("region", name="1. small-sums")).to_be_visible()
    page.get_by_role("button", name="Judge this call").click()
    expect(decisions).to_contain_text("small-sums, as proposed")


def _order(page: Page) -> list[str]:
    rows = page.get_by_role("region", name="Rules in order", exact=True).locator("tbody tr td:nth-child(2) b")
    return rows.all_inner_texts()
