"""What was typed and not saved is not lost unasked, and what is older than the lists' first page is found by words."""

from fixtures_stack import Stack
from playwright.sync_api import Page, expect
from visitors import PATIENCE_MS, Visitor

expect.set_options(timeout=PATIENCE_MS)
QUESTION = "Leave without saving?"


def test_a_half_typed_form_asks_before_it_is_left_and_a_saved_one_does_not(admin: Visitor, garden: Stack) -> None:
    page = admin.open("/agents")
    page.get_by_role("link", name="New agent").first.click()
    name = page.get_by_label("Name", exact=True)
    name.fill("half-typed")
    page.get_by_role("link", name="Runs", exact=True).click()
    _keep(page)
    expect(name).to_have_value("half-typed")
    page.go_back()
    _keep(page)
    expect(page).to_have_url(f"{garden.url}/agents/new")

    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("location.reload()")
    expect(name).to_have_value("half-typed")
    assert asked == ["beforeunload"]

    name.fill("")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    page.go_back()
    name.fill("whole-now")
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", name="whole-now")).to_be_visible()


def test_a_dialog_with_words_in_it_asks_before_escape_closes_it(admin: Visitor) -> None:
    page = admin.open("/sessions?new=1")
    dialog = page.get_by_role("dialog", name="Start a session")
    message = dialog.get_by_label("First message")
    message.fill("Water the tomatoes,\nthen the beans.")
    message.press("Escape")
    _keep(page)
    expect(message).to_have_value("Water the tomatoes,\nthen the beans.")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog", name=QUESTION).get_by_role("button", name="Leave").click()
    expect(dialog).to_have_count(0)


def test_the_palette_asks_the_server_and_says_where_that_failed(admin: Visitor, garden: Stack) -> None:
    admin.expected = ("Failed to load resource",)
    agent = garden.make_agent()
    old = garden.submit(agent, "Prune the quince hedge")
    garden.ended(old)
    page = admin.open("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    admin.context.route(
        "**/v1/sessions?limit=50*", lambda route: route.fulfill(json={"items": [], "next_cursor": None})
    )
    page.keyboard.press("Control+k")
    words = page.get_by_role("combobox", name="Jump to")
    words.fill("quince prune")
    page.get_by_role("option", name="Prune the quince hedge").click()
    expect(page).to_have_url(f"{garden.url}/sessions/{old['session_id']}")

    page.keyboard.press("Control+k")
    words.fill("nobody ever said this")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    admin.context.route("**/v1/sessions?q=*", lambda route: route.abort())
    words.fill("quince again")
    expect(page.get_by_text("Not everything could be searched")).to_be_visible()


def _keep(page: Page) -> None:
    question = page.get_by_role("dialog", name=QUESTION)
    question.get_by_role("button", name="Keep editing").click()
    expect(question).to_have_count(0)
