"""What an operator does, done in Chromium."""

import re
from signal import SIGKILL
from uuid import uuid4

import pytest
from fixtures_stack import Stack
from playwright.sync_api import Browser, Page, expect
from stack_parts import until
from ui_scripts import DEFAULT, GROWING, RULES, SLOW
from visitors import PATIENCE_MS, Visitor, visit

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(autouse=True)
def _script(garden: Stack) -> None:
    garden.model.script(*RULES, default=DEFAULT)


@pytest.fixture
def agent(garden: Stack) -> str:
    return garden.make_agent(tools=["calculate"])


def test_sign_in_refuses_a_wrong_key_and_takes_the_printed_one(stranger: Visitor) -> None:
    page = stranger.open("/runs?status=failed")
    stranger.choose_key()
    page.get_by_label("API key").fill("hk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    page.get_by_label("API key").fill(stranger.stack.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert page.url.endswith("/runs?status=failed"), "a deep link survives the sign-in"
    assert stranger.stack.key not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_a_session_is_started_and_its_tokens_are_seen_coming(admin: Visitor, garden: Stack, agent: str) -> None:
    page = admin.open("/sessions?new=1")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Agent").select_option(label=agent)
    dialog.get_by_label("First message").fill("What is the sum of 2 and 3?")
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The sum is 5.")).to_be_visible()
    page.get_by_text("calculate", exact=True).click()
    expect(page.get_by_text('"expression": "2 + 3"')).to_be_visible()
    garden.model.hold("slowly")
    page.get_by_label("Message").fill("Now answer slowly, please.")
    page.get_by_label("Message").press("Enter")
    growing = page.locator(".bubble-live")
    expect(growing).to_contain_text("Gardens")
    early = growing.inner_text().strip()
    assert SLOW.startswith(early)
    assert len(early) < len(SLOW)
    garden.model.release("slowly")
    expect(page.locator(".bubble-agent:not(.bubble-live)").last).to_contain_text(SLOW)
    expect(growing).to_have_count(0)


def test_a_running_run_is_stopped_and_the_models_request_drops(admin: Visitor, garden: Stack, agent: str) -> None:
    run = garden.submit(agent, "Talk for ever.")
    page = admin.open(f"/runs/{run['id']}")
    expect(page.get_by_role("status").filter(has_text="The model is reading the task")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Reason: stopped in the admin UI")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    until(lambda: garden.model.requests()[-1]["cancelled"])


def test_a_queued_run_says_why_it_waits(admin: Visitor, garden: Stack, agent: str) -> None:
    page = admin.open("/settings?tab=workers")
    page.get_by_role("button", name="Drain").click()
    expect(page.get_by_role("cell", name="draining")).to_be_visible()
    run = garden.submit(agent)
    admin.open(f"/runs/{run['id']}")
    expect(page.get_by_text("Every worker is draining")).to_be_visible()
    page.get_by_role("button", name="Requeue").click()
    page.get_by_role("dialog").get_by_role("button", name="Requeue").click()
    expect(page.get_by_text("It is looked at again")).to_be_visible()
    admin.open("/settings?tab=workers")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("cell", name="running")).to_be_visible()
    admin.open(f"/runs/{run['id']}")
    expect(page.get_by_text("Plain words.")).to_be_visible()


def test_a_session_goes_on_after_the_api_restarted(admin: Visitor, garden: Stack, agent: str) -> None:
    admin.expected = ("WebSocket", "ERR_CONNECTION_REFUSED", "Failed to load resource")
    session = garden.post("/v1/sessions", {"agent": agent, "title": "restart"})
    page = admin.open(f"/sessions/{session['id']}")
    page.get_by_label("Message").fill("first words")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Plain words.")).to_have_count(1)
    garden.apis[0].restart()
    expect(page.get_by_role("status").filter(has_text="live")).to_be_visible(timeout=2 * PATIENCE_MS)
    page.get_by_label("Message").fill("second words")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Plain words.")).to_have_count(2)
    expect(page.get_by_text("first words")).to_have_count(1)
    garden.ended(garden.get("/v1/runs", session_id=session["id"])["items"][0])  # its words may be seen before its end
    last = garden.get(f"/v1/sessions/{session['id']}")["last_seq"]
    expect(page.get_by_text(f"#{last}", exact=True)).to_be_visible()


def test_the_same_page_goes_on_when_the_worker_is_killed(admin: Visitor, garden: Stack, agent: str) -> None:
    session = garden.post("/v1/sessions", {"agent": agent, "title": "crash"})
    page = admin.open(f"/sessions/{session['id']}")
    page.evaluate("window.openedOnce = true")
    garden.model.hold("slowly")
    page.get_by_label("Message").fill("Answer slowly, please.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bubble-live")).to_contain_text("Gardens")
    run = garden.get("/v1/runs", session_id=session["id"])["items"][0]
    garden.worker_of(run["worker_id"]).restart(SIGKILL)
    garden.model.release("slowly")
    answer = page.locator(".bubble-agent:not(.bubble-live)")
    expect(answer).to_contain_text(SLOW, timeout=4 * PATIENCE_MS)
    expect(answer).to_have_count(1)
    expect(page.get_by_text("taken over by")).to_be_visible()
    expect(page.locator(".bubble-live")).to_have_count(0)
    ended = garden.ended(run)
    assert (ended["status"], ended["generation"]) == ("succeeded", 2)
    last = garden.get(f"/v1/sessions/{session['id']}")["last_seq"]
    expect(page.get_by_text(f"#{last}", exact=True)).to_be_visible()
    assert page.evaluate("window.openedOnce"), "the page was not loaded again"


def test_an_agent_is_edited_compared_and_pinned_back(admin: Visitor) -> None:
    name = f"ui-{uuid4().hex[:8]}"
    page = admin.open("/agents/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Steps").fill("0")
    expect(page.get_by_text("at least 1")).to_be_visible()
    expect(page.get_by_role("button", name="Create agent")).to_be_disabled()
    page.get_by_label("Steps").fill("9")
    page.get_by_role("button", name="Create agent").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Instructions").fill("Speak of gardens only.")
    page.get_by_role("button", name="Save as a new version").click()
    changes = page.get_by_role("region", name="Changes from version 1 to 2")
    expect(changes).to_contain_text("+ Speak of gardens only.")
    expect(changes).to_contain_text("- You are a helpful assistant.")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_text("New runs use version 1")).to_be_visible()
    assert admin.stack.get(f"/v1/agents/{name}")["current_version"] == 1


def test_a_grown_tool_is_seen_with_its_gates_disabled_and_enabled_again(admin: Visitor, garden: Stack) -> None:
    agent = garden.make_agent(**GROWING)
    run = garden.ended(garden.submit(agent, "What is 2024 in Roman numerals?"))
    assert run["output"] == "It is MMXXIV."
    version = garden.get("/v1/tools/to_roman")["active_version"]
    origin = garden.get(f"/v1/tools/to_roman/versions/{version}")["origin_run_id"]
    page = admin.open("/tools")
    page.get_by_role("link", name="to_roman").click()
    expect(page.get_by_text("# grows from the left")).to_be_visible()
    expect(page.get_by_role("row", name="confirmed number=14")).to_be_visible()
    expect(page.get_by_role("link", name=f"…{origin[-8:]}").first).to_have_attribute("href", f"/runs/{origin}")
    expect(page.get_by_role("row", name="passed empty").first).to_be_visible()
    expect(page.get_by_text("nothing: a pure function")).to_be_visible()
    lineage = page.get_by_role("region", name="Provenance", exact=True)
    expect(lineage.get_by_role("link", name="written by run, step 1")).to_have_attribute("href", f"/runs/{origin}")
    expect(lineage.get_by_role("link", name=f"to_roman {version}")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Disable")).to_be_disabled()
    dialog.get_by_label("Why").fill("wrong for zero")
    dialog.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("to_roman is out of use")).to_be_visible()
    expect(page.get_by_role("button", name="Disable", exact=True)).to_have_count(0)
    assert garden.get("/v1/tools/to_roman")["active_version"] is None
    page.get_by_role("button", name=f"Enable version {version}").click()
    dialog.get_by_label("Why").fill("it was right")
    dialog.get_by_role("button", name="Enable").click()
    expect(page.get_by_text(f"version {version} of to_roman is in use")).to_be_visible()
    assert garden.get("/v1/tools/to_roman")["active_version"] == version


def test_a_memory_is_found_with_reasons_traced_edited_and_deleted(admin: Visitor, garden: Stack) -> None:
    agent = garden.make_agent(memory={"recall": False, "remember": True})
    garden.ended(garden.submit(agent, "Remember the zinnias."))
    until(lambda: "zinnias" in str(garden.get("/v1/memories")), why=garden.logs)
    page = admin.open("/memory")
    page.get_by_label("Search memory").fill("zinnias")
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row", name="Remember the zinnias.")
    expect(row).to_contain_text("100% of the words")
    for view, place in (("timeline", "listitem"), ("map", "group")):
        page.get_by_role("button", name=view, exact=True).click()
        expect(page.get_by_role(place).get_by_role("link", name="Remember the zinnias.").first).to_be_visible()
    page.get_by_role("link", name="Remember the zinnias.").click()
    expect(page.get_by_text("message.created", exact=True)).to_be_visible()
    origin = page.get_by_role("region", name="Provenance", exact=True)
    expect(origin.get_by_role("link", name="user, #")).to_have_attribute("href", re.compile("^/runs/.*at="))
    origin.get_by_role("button", name="Show as a table").click()
    expect(origin.get_by_role("row", name="told in")).not_to_have_count(0)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("What is remembered").fill("The zinnias stand by the dahlias.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Agents recall these words")).to_be_visible()
    expect(page.get_by_text("The zinnias stand by the dahlias.")).to_be_visible()
    found = garden.get("/v1/memories/search", q="dahlias")["items"][0]
    assert (found["memory"]["content"], found["why"]["coverage"]) == ("The zinnias stand by the dahlias.", 1.0)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Memory", exact=True)).to_be_visible()
    assert "zinnias" not in str(garden.get("/v1/memories"))


def test_a_key_is_shown_once_used_and_revoked(admin: Visitor, garden: Stack, chromium: Browser) -> None:
    page = admin.open("/settings?tab=keys")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("watcher")
    for scope in ("runs:write", "sessions:write"):
        dialog.get_by_label(scope).uncheck()
    dialog.get_by_role("button", name="Create key").click()
    secret = page.get_by_role("dialog").locator("code").inner_text()
    assert secret.startswith("hk_")
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    assert secret not in page.content()
    viewer = visit(garden, chromium)
    viewer.expected = ("status of 401",)
    viewer.sign_in(secret)
    _sees_no_button_that_would_be_refused(viewer, garden)
    page.get_by_role("row", name="watcher").get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="watcher")).to_contain_text("revoked")
    expect(viewer.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    viewer.context.close()
    assert viewer.complaints == []


def _sees_no_button_that_would_be_refused(viewer: Visitor, garden: Stack) -> None:
    run = garden.submit(garden.make_agent(), "Talk for ever.")
    page = viewer.open(f"/runs/{run['id']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("running")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    viewer.open(f"/sessions/{run['session_id']}")
    expect(page.get_by_text("Talk for ever.").last).to_be_visible()
    expect(page.get_by_label("Message")).to_have_count(0)
    viewer.open("/settings?tab=keys")
    expect(page.get_by_text("Your key or role does not cover this")).to_be_visible()
    viewer.open("/runs")
    garden.post(f"/v1/runs/{run['id']}/cancel")


def test_hostile_output_stays_text(admin: Visitor, garden: Stack, agent: str) -> None:
    requested: list[str] = []
    admin.page.on("request", lambda request: requested.append(request.url))
    run = garden.ended(garden.submit(agent, "Say something hostile."))
    for path in (f"/runs/{run['id']}", f"/sessions/{run['session_id']}"):
        page = admin.open(path)
        expect(page.get_by_text("<img src=x").first).to_be_visible()
        assert page.locator("main img, main script, main b:text('bold')").count() == 0
        link = page.get_by_role("link", name="bank").first
        expect(link).to_have_attribute("rel", re.compile("noreferrer"))
        expect(page.get_by_text("(evil.example)").first).to_be_visible()
        assert page.locator("a[href^='javascript']").count() == 0
        assert "owned" not in page.title()
    assert [url for url in requested if not url.startswith(garden.url)] == []


def test_the_policy_of_the_pages_allows_nothing_inline(admin: Visitor) -> None:
    answer = admin.page.goto(f"{admin.stack.url}/runs")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    for rule in (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
    ):
        assert rule in policy
    expect(admin.page.get_by_role("heading", name="Runs")).to_be_visible()


def test_the_palette_jumps_by_keyboard(admin: Visitor, garden: Stack, agent: str) -> None:
    page = admin.open("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    _jump(page, agent)
    expect(page.get_by_role("heading", name=agent)).to_be_visible()
    run = garden.submit(agent)
    _jump(page, run["id"])
    page.wait_for_url(f"**/runs/{run['id']}")


def _jump(page: Page, words: str) -> None:
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Jump to")
    box.fill(words)
    expect(page.get_by_role("option").first).to_contain_text(words)
    box.press("Enter")


def test_an_address_without_a_page_says_so(admin: Visitor) -> None:
    page = admin.open("/no/such/page")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
