import asyncio
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from hortus_agents.events import MessageCompleted, MessageRestarted, NewEvent
from hortus_agents.labels import UNKNOWN
from hortus_agents.loop.step import Delta
from hortus_agents.models.partial_json import PropertyReader
from hortus_agents.tools.redaction import BLOTTED, Redactor
from hortus_server.adapters.redis.frames import assemble, encode_delta
from hortus_server.ports.live import TokenDelta
from hortus_server.services.live_text import LiveText

pytestmark = pytest.mark.usefixtures("virtual_clock")
MESSAGE = uuid4()
SECRET = "hunter22-hunter22"


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


async def written(text: LiveText, *pieces: str, message: UUID = MESSAGE, raw: bool = False) -> None:
    """Each piece is published by itself."""
    place = len(text.text)
    for piece in pieces:
        text.add(Delta(message, place, piece, piece if raw else None))
        place += len(piece)
        await text.flush()


def knowing(readers: Readers) -> LiveText:
    text = text_over(readers, interval_s=60)
    text.redactor = lambda: Redactor([SECRET])
    return text


async def test_a_secret_that_comes_token_by_token_is_never_shown_and_other_text_is_not_late() -> None:
    readers = Readers()
    text = knowing(readers)
    await written(text, "it is ", *SECRET, ", yes")
    assert [delta.text for delta in readers.deltas] == ["it is ", BLOTTED, ", yes"]
    assert [delta.index for delta in readers.deltas] == [0, 6, 6 + len(BLOTTED)]
    assert text.text == f"it is {SECRET}, yes"


async def test_who_joins_in_the_middle_gets_no_secret_either() -> None:
    readers = Readers()
    await written(knowing(readers), "so: ", "hunter22-", "hunter22", " and on", raw=True)
    partial = assemble([encode_delta(delta, raw=True) for delta in readers.deltas])
    assert partial is not None
    assert partial.text == f"so: {BLOTTED} and on"
    assert "hunter" not in partial.raw


async def test_what_was_held_back_is_shown_when_its_message_ends() -> None:
    readers = Readers()
    text = knowing(readers)
    await written(text, "beware of hunt")
    ends = NewEvent(payload=MessageCompleted(message_id=MESSAGE, content="beware of hunt", label=UNKNOWN))
    text.before([ends])
    await text.flush()
    assert "".join(delta.text for delta in readers.deltas) == "beware of hunt"


async def test_what_was_held_back_goes_with_a_restart() -> None:
    readers = Readers()
    text = knowing(readers)
    await written(text, "first hunt")
    text.before([NewEvent(payload=MessageRestarted(message_id=MESSAGE, reason="worker_lost"))])
    await written(text, "er22 is a word")
    assert [(delta.index, delta.text) for delta in readers.deltas] == [(0, "first "), (0, "er22 is a word")]


async def test_a_worker_goes_on_where_readers_of_the_one_before_stand() -> None:
    readers = Readers()
    text = knowing(readers)
    text.text, text.message_id = f"it is {BLOTTED}", MESSAGE
    await written(text, f" or {SECRET}")
    assert [(delta.index, delta.text) for delta in readers.deltas] == [(len(f"it is {BLOTTED}"), f" or {BLOTTED}")]


async def test_what_is_held_back_keeps_nobody_from_going_on_with_the_message() -> None:
    readers = Readers()
    text = knowing(readers)
    text.add(Delta(MESSAGE, 0, "so ", '{"answer": "so '))
    text.add(Delta(MESSAGE, 3, "many hunt", "many hunt"))
    await text.flush()
    partial = assemble([encode_delta(delta, raw=True) for delta in readers.deltas])
    assert partial is not None
    assert (partial.text, partial.raw) == ("so many ", '{"answer": "so many ')
    reader = PropertyReader("answer")
    assert reader.feed(partial.raw) == partial.text
