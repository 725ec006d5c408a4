"""Every error that the server raises on purpose; `api/errors.py` alone maps them to HTTP.

HortusError
├── InvalidInputError            the request contradicts itself or the current state's rules
│   └── InvalidCursorError
├── UnauthenticatedError         no key, or one that is unknown, expired or revoked
├── ForbiddenError               the key lacks a scope
├── NotFoundError                no such thing in this tenant
├── ConflictError                the thing's state does not allow it
│   ├── IdempotencyMismatchError   the key was used with another body
│   ├── ApprovalClosedError        nothing is left to decide
│   ├── RunEndedError              the run takes no more messages
│   └── SessionBusyError           a run of the session has not ended, and the message would not wait
├── LimitExceededError           a quota, rate or queue bound
│   └── RateLimitedError           too many requests of a key or tenant (see `rates`)
│       └── StrangerLimitedError   too many without valid credentials from one address
├── UnavailableError             a component is down; worth a retry
└── StaleGenerationError         another worker owns the run now
"""

from typing import ClassVar


class HortusError(Exception):
    """Root of the tree; `code` is stable and part of the API."""

    code: ClassVar[str] = "hortus_error"


class InvalidInputError(HortusError):
    """The request cannot be fulfilled as it is written."""

    code = "invalid_input"


class InvalidCursorError(InvalidInputError):
    """A paging or event cursor that this server did not issue."""

    code = "invalid_cursor"


class UnauthenticatedError(HortusError):
    """No valid credentials."""

    code = "unauthenticated"


class ForbiddenError(HortusError):
    """The credentials do not cover this."""

    code = "forbidden"

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class NotFoundError(HortusError):
    """Nothing by this id in the caller's tenant."""

    code = "not_found"

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"no {kind} {key}")
        self.kind = kind
        self.key = str(key)


class ConflictError(HortusError):
    """The current state does not allow it."""

    code = "conflict"


class IdempotencyMismatchError(ConflictError):
    """An Idempotency-Key came back with another request."""

    code = "idempotency_mismatch"


class ApprovalClosedError(ConflictError):
    """The approval was decided, ran out of time or lost its run; `status` says which."""

    code = "approval_closed"

    def __init__(self, message: str, *, status: str) -> None:
        super().__init__(message)
        self.status = status


class RunEndedError(ConflictError):
    """The run has ended, or is being stopped: nothing said to it would be seen."""

    code = "run_ended"


class SessionBusyError(ConflictError):
    """A run of the session has not ended, and the policy of the message is to be refused then."""

    code = "session_busy"


class LimitExceededError(HortusError):
    """A bound was reached; `retry_after_s` says when to come back."""

    code = "limit_exceeded"

    def __init__(self, message: str, *, limit: int, retry_after_s: float) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_after_s = retry_after_s


class UnavailableError(HortusError):
    """A component that this needs is down."""

    code = "unavailable"

    def __init__(self, component: str, message: str) -> None:
        super().__init__(f"{component}: {message}")
        self.component = component


class StaleGenerationError(HortusError):
    """The run was claimed by another worker; this one must stop writing."""

    code = "stale_generation"

    def __init__(self, run_id: object, generation: int) -> None:
        super().__init__(f"run {run_id}: generation {generation} is stale")
        self.generation = generation
