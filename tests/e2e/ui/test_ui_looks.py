"""Every page, in both themes, wide and narrow: accessible, without complaints, and a picture of each."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_stack import Stack
from playwright.sync_api import Browser, Page, expect
from stack_parts import until
from ui_scripts import DEFAULT, RULES
from visitors import AXE, Visitor, visit

THEMES = ("light", "dark")
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def addresses(garden: Stack) -> Iterator[dict[str, str]]:
    """Pages with real content, by name; what would stand in the way of other tests is put away afterwards."""
    garden.model.script(*RULES, default=DEFAULT)
    agent = garden.make_agent(
        tools=["calculate", "request_capability"],
        memory={"recall": True, "remember": True},
        evolution={"reuse": False, "create": True},
    )
    run = garden.ended(garden.submit(agent, "What is 2024 in Roman numerals?"))
    garden.ended(garden.submit(agent, "What is the sum of 2 and 3?"))
    until(lambda: len(garden.get("/v1/memories")["items"]) > 0, why=garden.logs)
    agent_id = garden.get(f"/v1/agents/{agent}")["id"]
    garden.post(f"/v1/agents/{agent}/versions", {"spec": {"instructions": "Speak of gardens.\nBe brief."}})
    tool = garden.get("/v1/tools")["items"][0]["id"]
    memory = garden.get("/v1/memories")["items"][0]["id"]
    garden.make_agent("asker", tools=["calculate"], approval={"tools": ["calculate"]})
    asked = garden.submit("asker", "What is the sum of 2 and 3?")
    garden.make_agent("payer", tools=["calculate"])
    by_two = {"name": "by-two", "tools": ["calculate"], "effect": "approve", "persons": 2, "reason": "money is paid"}
    payers = garden.post("/v1/policies", {"name": "payers", "agent": "payer", "rules": [by_two]})["id"]
    paid = garden.submit("payer", "What is the sum of 2 and 3?")
    until(lambda: len(garden.get("/v1/approvals", status="pending")["items"]) > 1, why=garden.logs)
    half = next(each for each in garden.get("/v1/approvals")["items"] if each["run_id"] == paid["id"])["id"]
    garden.post(f"/v1/approvals/{half}/decide", {"decision": "approve", "reason": "the invoice is right"})
    with garden.client() as http:
        http.put(
            "/v1/secrets/WEATHER_KEY", json={"value": "not-a-real-key", "hosts": ["*"], "agent": "asker"}
        ).raise_for_status()
    timing = {"kind": "cron", "expression": "30 8 * * MON-FRI", "time_zone": "Europe/Berlin"}
    made = {"name": "morning-report", "agent": agent, "input": "Write it.", "timing": timing}
    schedule = garden.post("/v1/schedules", made)["id"]
    webhook = garden.post("/v1/webhooks", {"url": "http://127.0.0.1:9009/hook", "events": ["run.*"]})["id"]
    rules = [
        {"name": "small-orders", "tools": ["order"], "effect": "allow", "rate": {"calls": 20, "window_s": 86_400}},
        {"name": "other-orders", "tools": ["order"], "effect": "approve", "persons": 2, "reason": "above 50"},
    ]
    policy = garden.post("/v1/policies", {"name": "orders", "rules": rules})["id"]
    rules[0]["arguments"] = {"properties": {"amount": {"maximum": 50}}, "required": ["amount"]}
    garden.post(f"/v1/policies/{policy}/versions", {"rules": rules[::-1], "comment": "big orders first"})
    garden.post("/v1/agents/asker/stop", {"action": "pause", "reason": "shows the banner"})
    yield {
        "overview": "/",
        "runs": "/runs",
        "runs-none": "/runs?status=budget_exhausted",
        "run": f"/runs/{run['id']}?at=4",
        "run-missing": "/runs/00000000-0000-7000-8000-000000000000",
        "trace": f"/runs/{run['id']}/trace",
        "sessions": "/sessions",
        "session-new": "/sessions?new=1",
        "session": f"/sessions/{run['session_id']}",
        "agents": "/agents",
        "agent": f"/agents/{agent_id}?before=1&after=2",
        "agent-edit": f"/agents/{agent_id}/edit",
        "agent-new": "/agents/new",
        "tools": "/tools",
        "tool": f"/tools/{tool}",
        "memories": "/memory",
        "memory-search": "/memory?q=sum",
        "memory": f"/memory/{memory}",
        "memory-timeline": "/memory?view=timeline",
        "memory-map": "/memory?view=map",
        "runs-stuck": "/runs?status=stuck",
        "approvals": "/approvals",
        "approvals-all": "/approvals?show=all",
        "run-waiting": f"/runs/{paid['id']}",
        "schedules": "/schedules",
        "schedule-new": "/schedules/new",
        "schedule": f"/schedules/{schedule}",
        "schedule-edit": f"/schedules/{schedule}/edit",
        "webhooks": "/webhooks",
        "webhook-new": "/webhooks/new",
        "webhook": f"/webhooks/{webhook}",
        "webhook-edit": f"/webhooks/{webhook}/edit",
        "policies": "/policies",
        "policy-new": "/policies/new",
        "policy": f"/policies/{policy}?rule=other-orders&before=1&after=2",
        "policy-edit": f"/policies/{policy}/edit",
        "stops": "/settings?tab=stops",
        "budget": "/settings?tab=budget",
        "limits": "/settings?tab=limits",
        "labels": "/settings?tab=labels",
        "users": "/settings?tab=users",
        "tenants": "/settings?tab=tenants",
        "secrets": "/settings?tab=secrets",
        "audit": "/settings?tab=audit",
        "keys": "/settings?tab=keys",
        "workers": "/settings?tab=workers",
        "models": "/settings?tab=models",
        "me": "/settings?tab=me",
        "not-found": "/no/such/page",
    }
    with garden.client() as http:
        http.delete("/v1/agents/asker/stop").raise_for_status()
        for waiting in (asked, paid):
            http.post(f"/v1/runs/{waiting['id']}/cancel", json={"reason": "seen"}).raise_for_status()
        http.post(f"/v1/policies/{payers}/disable").raise_for_status()


@pytest.fixture(params=[(theme, size) for theme in THEMES for size in SIZES], ids="-".join)
def reader(request: pytest.FixtureRequest, garden: Stack, chromium: Browser) -> Iterator[Visitor]:
    theme, size = request.param
    width, height = SIZES[size]
    visitor = visit(garden, chromium, color_scheme=theme, viewport={"width": width, "height": height})
    visitor.expected = ("status of 404",)  # of the run that does not exist
    visitor.take_cookie()
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


def test_every_page_is_accessible_and_fits(
    reader: Visitor, addresses: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("HORTUS_TEST_PICTURES", tmp_path))
    look = request.node.callspec.id
    faults: dict[str, Any] = {}
    for name, path in addresses.items():
        page = reader.open(path)
        _settle(page)
        page.screenshot(path=pictures / f"{name}-{look}.png")
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found = [*_violations(page), *([f"{beyond} px too wide"] if beyond > 0 else [])]
        if found:
            faults[name] = found
    assert not faults, json.dumps(faults, indent=1)


def test_the_sign_in_page_is_accessible(garden: Stack, chromium: Browser, tmp_path: Path) -> None:
    pictures = Path(os.environ.get("HORTUS_TEST_PICTURES", tmp_path))
    for theme in THEMES:
        stranger = visit(garden, chromium, color_scheme=theme)
        page = stranger.open("/")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        page.screenshot(path=pictures / f"sign-in-{theme}.png")
        assert _violations(page) == []
        page.get_by_role("button", name="instead").click()
        assert _violations(page) == []
        page = stranger.open("/join#not-a-link")
        expect(page.get_by_role("alert")).to_contain_text("does not work")
        page.screenshot(path=pictures / f"join-{theme}.png")
        assert _violations(page) == []
        stranger.context.close()


def _settle(page: Page) -> None:
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)


def _violations(page: Page) -> list[str]:
    # As the page's own policy refuses scripts from elsewhere, axe comes in by the debugger.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {json.dumps([node['html'][:160] for node in fault['nodes'][:3]])}"
        for fault in result["violations"]
        if fault["impact"] in SERIOUS
    ]
