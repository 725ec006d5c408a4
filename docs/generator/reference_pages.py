"""Which pages are made, and from what."""

from collections.abc import Callable
from pathlib import Path

from agents_page import agents_page
from cli_page import cli_page
from errors_page import errors_page
from events_page import events_page
from routes_page import api_page
from settings_page import settings_page

DOCS = Path(__file__).parent.parent
PAGES: dict[str, Callable[[], str]] = {
    "agent-definition.md": agents_page,
    "api.md": api_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "settings.md": settings_page,
}
