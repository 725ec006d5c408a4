"""A part of `python -m bench.security --server`: injected text gets no effect out of real processes, on any channel."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from bench.client import Client
from bench.security_pages import open_pages
from bench.security_served import ENDED, World, one_each, play_all, script_of
from bench.security_tools import DeskFolder
from fixtures_stack import ANSWER, DESK, Stack


@pytest.fixture(autouse=True)
def _calm_model(stack: Stack) -> Iterator[None]:
    yield
    stack.model.script(default={"json": {"answer": ANSWER}})


async def test_a_model_that_obeys_gets_no_effect_and_every_run_goes_on_once_people_said_no(stack: Stack) -> None:
    cases = one_each()
    async with open_pages() as pages, aiohttp.ClientSession(headers=stack.headers()) as http:
        script: dict[str, Any] = script_of(cases, pages)
        stack.model.script(*script["rules"], default=script["default"])
        results = await play_all(World(Client(http, stack.url), DeskFolder(stack.folder / DESK), pages), cases)
        report = await Client(http, stack.url).post("/v1/audit/verify", {})
    assert [one for one in results if one.forbidden] == []
    assert [one for one in results if one.status not in ENDED] == [], stack.logs()
    assert [one for one in results if not one.tried] == [], "the model was to obey"
    assert [one for one in results if not (one.rules and one.audited)] == []
    assert report["intact"] is True
