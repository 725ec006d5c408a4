"""Every error that this package raises.

AgentsError
├── ModelError                  a call to a model endpoint did not give an answer
│   ├── ModelUnavailableError     unreachable, overloaded or failing: worth a retry
│   ├── ModelTimeoutError         no byte within the bound: worth a retry
│   ├── ModelRejectedError        the endpoint refused the request: a retry would fail too
│   └── ModelProtocolError        the answer could not be understood
├── StructureError              the model gave no valid structure, repair included
├── ToolError                   a tool call did not succeed
│   ├── ToolRetryError            the model may retry: its arguments were wrong
│   └── ToolFailedError           the model must adapt: the tool cannot do this
│       └── ToolDeniedError         a rule that only the tool can see forbids this very call
├── SandboxError
│   └── SandboxUnavailableError   no isolation tier can run on this host
├── ApprovalMissingError        a call needs a person's approval, and has none that can be used
└── ScriptError                 a scripted model's script cannot be used
"""

from typing import ClassVar


class AgentsError(Exception):
    """Root of the tree; `code` is stable and part of the API."""

    code: ClassVar[str] = "agents_error"


class ModelError(AgentsError):
    """A model endpoint gave no usable answer."""

    code = "model_error"
    retryable: ClassVar[bool] = False


class ModelUnavailableError(ModelError):
    """The endpoint is unreachable, overloaded or answers 5xx/429."""

    code = "model_unavailable"
    retryable = True

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class ModelTimeoutError(ModelError):
    """Nothing arrived within the bound."""

    code = "model_timeout"
    retryable = True

    def __init__(self, message: str, *, timeout_s: float) -> None:
        super().__init__(message)
        self.timeout_s = timeout_s


class ModelRejectedError(ModelError):
    """The endpoint refused the request itself (4xx)."""

    code = "model_rejected"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ModelProtocolError(ModelError):
    """The endpoint's answer was not what the protocol promises."""

    code = "model_protocol"
    retryable = True


class StructureError(AgentsError):
    """No valid structure after guided decoding and one repair."""

    code = "invalid_structure"

    def __init__(self, message: str, *, text: str) -> None:
        super().__init__(message)
        self.text = text


class ToolError(AgentsError):
    """A tool call that did not succeed; the message is shown to the model."""

    code = "tool_error"


class ToolRetryError(ToolError):
    """The model may retry with other arguments."""

    code = "tool_retry"


class ToolFailedError(ToolError):
    """The model must adapt; the same call would fail again."""

    code = "tool_failed"


class ToolDeniedError(ToolFailedError):
    """The call was not made because it may not be; the audit log is told."""

    code = "tool_denied"


class SandboxError(AgentsError):
    """The sandbox itself failed, not the code inside it."""

    code = "sandbox_error"


class SandboxUnavailableError(SandboxError):
    """No isolation tier can run here; model-written code is refused."""

    code = "sandbox_unavailable"


class ApprovalMissingError(AgentsError):
    """A call was about to run without the approval that it needs; it did not."""

    code = "approval_missing"


class CallHeldError(Exception):
    """A call did not begin, on the terms on which it was let through; what stands before it is committed.

    With `stale` the policies that judged it are not those in force. Else a rule has used up its rate: its denial is
    committed in the call's place, and `reason` is what it says.
    """

    def __init__(self, *, stale: bool, reason: str = "") -> None:
        super().__init__(reason or "a call did not begin on the terms on which it was let through")
        self.stale = stale
        self.reason = reason


class ScriptError(AgentsError):
    """A scripted model's script cannot be read or contradicts itself."""

    code = "invalid_script"
