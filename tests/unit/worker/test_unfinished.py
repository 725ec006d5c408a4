"""The half-written message of a session, as the next worker and late readers find it."""

from uuid import uuid4

from hortus_server.adapters.redis.frames import assemble, decode, encode_delta
from hortus_server.ports.live import PartialMessage, TokenDelta
from hortus_server.services.session_view import SessionView

MESSAGE = uuid4()


def piece(index: int, text: str, generation: int = 1, raw: str | None = None) -> TokenDelta:
    return TokenDelta(MESSAGE, index, text, generation, raw)


def kept(*pieces: TokenDelta) -> list[bytes]:
    return [encode_delta(one, raw=True) for one in pieces]


def test_pieces_of_two_workers_are_one_message() -> None:
    frames = kept(piece(0, "ab", raw='{"answer":"ab'), piece(2, "c", raw="c"), piece(3, '"', 2, raw='\\"'))
    assert assemble(frames) == PartialMessage(MESSAGE, 'abc"', 2, '{"answer":"abc\\"')


def test_what_a_worker_still_sends_after_it_lost_the_run_counts_nothing() -> None:
    late = kept(piece(0, "ab"), piece(2, "XX"), piece(2, "c", 2), piece(4, "YY"), piece(3, "d", 2))
    assert assemble(late) == PartialMessage(MESSAGE, "abcd", 2, "abcd")


def test_a_message_without_its_beginning_is_none() -> None:
    assert assemble(kept(piece(2, "c"))) is None
    assert assemble(kept(piece(0, "ab"), piece(5, "f"))) is None
    assert assemble([]) is None


def test_readers_get_no_raw_text_and_frames_of_an_older_version_are_read() -> None:
    assert decode(encode_delta(piece(0, "a", raw="secret"))) == (piece(0, "a"),)
    assert decode(f'd["{MESSAGE}",3,"x"]'.encode()) == (piece(3, "x", 0),)


def test_a_reader_drops_text_of_the_worker_that_lost_the_run() -> None:
    view = SessionView(0)
    assert view.trim(piece(0, "ab")) == piece(0, "ab")
    assert view.trim(piece(2, "c", 2)) == piece(2, "c", 2)
    assert view.trim(piece(3, "X")) is None
    assert not view.misses_text_before(piece(5, "X"))
    assert view.trim(piece(3, "d", 2)) == piece(3, "d", 2)


def test_a_reader_who_saw_more_than_the_successor_knew_gets_a_snapshot() -> None:
    view = SessionView(0)
    view.trim(piece(0, "abXX"))
    assert view.misses_text_before(piece(2, "c", 2))
    assert view.adopt(PartialMessage(MESSAGE, "abc", 2))
    assert view.trim(piece(3, "d", 2)) == piece(3, "d", 2)
