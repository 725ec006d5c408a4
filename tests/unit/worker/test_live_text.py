import asyncio
from types import SimpleNamespace
from uuid import UUID, uuid4

from hortus_agents.loop.step import Delta
from hortus_server.ports.live import TokenDelta
from hortus_server.services.live_text import LiveText

MESSAGE = uuid4()


class Readers:
    def __init__(self) -> None:
        self.deltas: list[TokenDelta] = []

    async def publish_delta(self, _tenant: UUID, _session: UUID, delta: TokenDelta) -> None:
        self.deltas.append(delta)


def text_over(readers: Readers, *, interval_s: float) -> LiveText:
    claim = SimpleNamespace(run=SimpleNamespace(tenant_id=uuid4(), session_id=uuid4()), generation=3)
    observer = SimpleNamespace(delta_published=lambda _claim: None)
    return LiveText(readers, observer, claim, interval_s)


async def test_the_first_piece_goes_at_once_and_later_ones_are_joined() -> None:
    readers = Readers()
    text = text_over(readers, interval_s=0.05)
    pump = asyncio.create_task(text.pump())
    text.add(Delta(MESSAGE, 0, "a"))
    await asyncio.sleep(0.01)
    assert readers.deltas == [TokenDelta(MESSAGE, 0, "a", 3)]
    for place, letter in enumerate("bcd", start=1):
        text.add(Delta(MESSAGE, place, letter))
    await asyncio.sleep(0.01)
    assert len(readers.deltas) == 1
    await asyncio.sleep(0.08)
    assert readers.deltas[1:] == [TokenDelta(MESSAGE, 1, "bcd", 3)]
    pump.cancel()


async def test_flush_sends_what_waits_and_keeps_messages_apart() -> None:
    readers = Readers()
    text = text_over(readers, interval_s=60)
    other = uuid4()
    text.add(Delta(MESSAGE, 0, "ab"))
    text.add(Delta(MESSAGE, 2, "c"))
    text.add(Delta(other, 0, "x"))
    await text.flush()
    assert readers.deltas == [TokenDelta(MESSAGE, 0, "abc", 3), TokenDelta(other, 0, "x", 3)]


async def test_a_message_that_restarts_starts_its_text_anew() -> None:
    text = text_over(Readers(), interval_s=60)
    text.add(Delta(MESSAGE, 0, "first "))
    text.add(Delta(MESSAGE, 6, "try"))
    assert text.text == "first try"
    text.add(Delta(MESSAGE, 0, "second"))
    assert text.text == "second"


async def test_a_worker_whose_lease_may_be_over_shows_nothing_until_it_surely_holds_again() -> None:
    readers = Readers()
    text = text_over(readers, interval_s=0.0)
    text.may_show = lambda: False
    pump = asyncio.create_task(text.pump())
    text.add(Delta(MESSAGE, 0, "a"))
    await asyncio.sleep(0.05)
    assert readers.deltas == []
    text.may_show = lambda: True
    await asyncio.sleep(0.05)
    assert readers.deltas == [TokenDelta(MESSAGE, 0, "a", 3)]
    pump.cancel()


async def test_what_could_not_be_shown_does_not_follow_the_end_of_its_message() -> None:
    readers = Readers()
    text = text_over(readers, interval_s=60)
    text.may_show = lambda: False
    text.add(Delta(MESSAGE, 0, "a"))
    await text.flush()
    text.may_show = lambda: True
    await text.flush()
    assert readers.deltas == []
