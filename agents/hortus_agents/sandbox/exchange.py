"""What goes into a jail and what comes out: one request, calls of granted tools in between, one answer."""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from hortus_agents.errors import SandboxError, ToolError
from hortus_agents.json_text import read_json, without_nul
from hortus_agents.sandbox.contract import (
    JSON,
    OUTPUT_FILE_KIB,
    OUTPUT_FILES_KIB,
    TOOL_CALLS,
    CallExtras,
    SandboxLimits,
    SandboxOutcome,
)
from hortus_agents.sandbox.watch import StoppedCall

CHUNK = 1 << 16
ANSWER_SLACK = 16 * 1024  # of the frame around a value, or of a traceback
CALL_KIB = 64  # of one call of a granted tool
STARTED = b"S\n"
CALL = b'{"call": '  # how a line begins that asks for a tool
TOUCHED = 20


@dataclass(frozen=True, slots=True)
class JailRequest:
    """One call, as a jail reads it (`line`) and as its parent holds it to."""

    line: bytes
    limits: SandboxLimits
    extras: CallExtras

    @classmethod
    def of(
        cls,
        source: str,
        function: str | None,
        arguments: Mapping[str, object],
        *,
        limits: SandboxLimits,
        extras: CallExtras,
        most: int,
    ) -> "JailRequest":
        """Raises SandboxError: the arguments are not JSON, or all is larger than `most` bytes."""
        fields = {
            "source": source,
            "function": function,
            "arguments": arguments,
            "limits": asdict(limits),
            "outputs": extras.outputs,
            "file_bytes": OUTPUT_FILE_KIB * 1024,
            "tools": extras.answer_tool is not None,
            "observe": extras.observe,
        }
        try:
            line = json.dumps(fields, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as exc:
            raise SandboxError(f"the arguments are not JSON: {exc}") from exc
        if len(line) > most:
            raise SandboxError(f"the request has {len(line)} bytes, at most {most} are taken")
        return cls(line, limits, extras)

    @property
    def answer_bytes(self) -> int:
        """Bound on all that comes back over the result channel."""
        files = OUTPUT_FILES_KIB * 1024 * 4 // 3 if self.extras.outputs else 0
        calls = TOOL_CALLS * CALL_KIB * 1024 if self.extras.answer_tool else 0
        return self.limits.output_kib * 1024 + ANSWER_SLACK + files + calls


@dataclass(frozen=True, slots=True)
class Answer:
    """What a jail said last."""

    outcome: SandboxOutcome
    value: JSON = None
    error: str = ""
    files: Mapping[str, bytes] | None = None
    touched: tuple[str, ...] = ()


class Exchange:
    """The parent's side of one call. All that comes from the jail is a claim of the code in it."""

    def __init__(self, request: JailRequest) -> None:
        self._request = request
        self._calls = 0
        self._answer = bytearray()
        self.started = False

    @property
    def answered(self) -> bool:
        """Whether anything came that could be an answer."""
        return bool(self._answer)

    async def follow(self, control: asyncio.StreamReader, replies: asyncio.StreamWriter) -> None:
        """Read to the end, answering calls of granted tools on the way.

        Raises:
            StoppedCall: Too much came, or too many calls.
        """
        pending, taken = bytearray(), 0
        while chunk := await control.read(CHUNK):
            taken += len(chunk)
            if taken > self._request.answer_bytes:
                raise StoppedCall(SandboxOutcome.OUTPUT, f"more than {self._request.answer_bytes} bytes of result")
            looked_at = len(pending)
            pending += chunk
            # Once its answer has begun a jail has nothing more to ask, and its lines cost no look each.
            while not self._answer and (end := pending.find(b"\n", looked_at)) >= 0:
                line, looked_at = bytes(pending[: end + 1]), 0
                del pending[: end + 1]
                await self._take(line, replies)
            if self._answer:
                self._answer += pending
                pending.clear()
        self._answer += pending

    async def _take(self, line: bytes, replies: asyncio.StreamWriter) -> None:
        if not self.started and line == STARTED:
            self.started = True
        elif self._request.extras.answer_tool is not None and line.startswith(CALL):
            reply = json.dumps(await self._call(line)).encode() + b"\n"
            if not replies.is_closing():
                replies.write(reply)
                with suppress(ConnectionError):  # the code has closed its end: it does not want to know
                    await replies.drain()
        else:
            self._answer += line

    async def _call(self, line: bytes) -> dict[str, Any]:
        """The reply to one call of a granted tool."""
        answer = self._request.extras.answer_tool
        self._calls += 1
        if self._calls > TOOL_CALLS:
            raise StoppedCall(SandboxOutcome.FORBIDDEN, f"more than {TOOL_CALLS} calls of tools")
        if answer is None or len(line) > CALL_KIB * 1024:
            return {"ok": False, "error": f"a call may have {CALL_KIB} KiB"}
        try:
            call = read_json(line)
            name, arguments = call["call"], call["arguments"]
        except (ValueError, KeyError, TypeError):
            return {"ok": False, "error": "the call could not be understood"}
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return {"ok": False, "error": "a call is a tool's name and its arguments"}
        try:
            return {"ok": True, "content": await answer(name, arguments)}
        except ToolError as error:
            return {"ok": False, "error": str(error)}

    def read_answer(self) -> Answer:
        """What the jail said; a CRASH where it cannot be understood."""
        frame = bytes(self._answer)
        try:
            answer = json.loads(frame)
            json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()
            return Answer(
                outcome=SandboxOutcome(answer["outcome"]),
                value=answer.get("value"),
                error=without_nul(str(answer.get("error", ""))),
                files=self._files(answer.get("files") or {}),
                touched=tuple(without_nul(str(entry))[:200] for entry in answer.get("touched") or ())[:TOUCHED],
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Answer(SandboxOutcome.CRASH, error="the result that came back could not be understood")

    def _files(self, encoded: dict[str, str]) -> dict[str, bytes]:
        """Declared files by name. Names were checked when they were declared; others are none of ours."""
        files: dict[str, bytes] = {}
        for name in self._request.extras.outputs:
            if name in encoded:
                try:
                    files[name] = base64.b64decode(encoded[name], validate=True)
                except binascii.Error as exc:
                    raise ValueError(name) from exc
        if any(len(content) > OUTPUT_FILE_KIB * 1024 for content in files.values()):
            raise ValueError("a file is too large")
        return files
