"""Why the server closes a stream; every one of these may be followed by a reconnect with the last cursor."""

from enum import IntEnum


class CloseCode(IntEnum):
    """WebSocket close codes; those from 4000 on are ours and mirror the HTTP status."""

    TRY_AGAIN_ELSEWHERE = 1012  # the server restarts
    INTERNAL = 1011  # a fault of the server
    MALFORMED = 4400  # not a JSON object in a text frame
    UNAUTHENTICATED = 4401  # no valid key in time, or it expired or was revoked
    FORBIDDEN = 4403  # the key lacks the scope
    NOT_FOUND = 4404  # no such session, or it was deleted
    SLOW_READER = 4408  # the client took nothing for too long
    INVALID = 4422  # the cursor is not one of this log
    TOO_MANY = 4429  # all places for streams are taken
    UNAVAILABLE = 4503  # PostgreSQL does not answer


class StreamClosedError(Exception):
    """Ends a socket with a code; carries the problem document that is sent before, if any."""

    def __init__(self, code: CloseCode, reason: str, *, problem: dict[str, object] | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.problem = problem


_BY_STATUS = {
    400: CloseCode.MALFORMED,
    401: CloseCode.UNAUTHENTICATED,
    403: CloseCode.FORBIDDEN,
    404: CloseCode.NOT_FOUND,
    409: CloseCode.INVALID,
    422: CloseCode.INVALID,
    429: CloseCode.TOO_MANY,
    503: CloseCode.UNAVAILABLE,
}


def close_code(status: int) -> CloseCode:
    """The code that mirrors a problem's HTTP status."""
    return _BY_STATUS.get(status, CloseCode.INTERNAL)
