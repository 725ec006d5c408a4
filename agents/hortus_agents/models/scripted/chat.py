"""Answers chat completions from a rule book, with the delays and faults that the script asks for."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import orjson
from aiohttp import web

from hortus_agents.messages import JsonObject, Usage
from hortus_agents.models.scripted.gates import Gates
from hortus_agents.models.scripted.matching import ChatCall, Choice, RuleBook
from hortus_agents.models.scripted.obedience import obey
from hortus_agents.models.scripted.recorder import RequestRecord
from hortus_agents.models.scripted.rendering import Piece, PreparedReply, closing_frames, whole_answer
from hortus_agents.models.scripted.script import MAX_STALL_S, ErrorReply, ScriptedCall
from hortus_agents.models.scripted.tokens import PrefixCache

_EVENT_STREAM: Final = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
_JSON: Final = {"Content-Type": "application/json"}


def json_response(value: object, *, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(value), status=status, headers=_JSON)


def error_response(status: int, message: str, *, kind: str = "invalid_request_error") -> web.Response:
    """An error in OpenAI's shape."""
    return json_response({"error": {"message": message, "type": kind, "code": status}}, status=status)


@dataclass(slots=True)
class Counters:
    """What `/metrics` shows; `waiting` are requests that stall before their first byte."""

    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Output:
    """One answer, cut to the request's `max_tokens`."""

    model: str
    prepared: PreparedReply
    pieces: Sequence[Piece]
    calls: tuple[ScriptedCall, ...]
    finish_reason: str
    usage: Usage
    show_usage: bool

    def frames(self) -> Sequence[bytes]:
        if self.calls or self.pieces is not self.prepared.pieces:
            return self.prepared.frames(self.model, self.pieces, self.calls)
        return self.prepared.text_frames(self.model).frames

    def joined(self) -> bytes:
        if self.calls or self.pieces is not self.prepared.pieces:
            return b"".join(self.prepared.frames(self.model, self.pieces, self.calls)) + self.closing()
        return self.prepared.text_frames(self.model).joined + self.closing()

    def closing(self) -> bytes:
        return closing_frames(self.model, self.finish_reason, self.usage if self.show_usage else None)


class ChatResponder:
    """Answers chat requests; `clock` counts seconds, `new_id` names tool calls."""

    def __init__(self, *, gates: Gates, clock: Callable[[], float], new_id: Callable[[], str]) -> None:
        self.book: RuleBook | None = None
        self.counters = Counters()
        self.prefixes = PrefixCache()
        self._gates = gates
        self._clock = clock
        self._new_id = new_id

    async def answer(self, request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        """Find the rule, then reply as it says; 500 with the request's key where no rule matches."""
        book = self.book
        if book is None:
            return error_response(503, "no script is loaded", kind="scripted_no_script")
        try:
            call = ChatCall(orjson.loads(record.raw_body), request.headers)
            choice = book.choose(call)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            return error_response(400, f"not a chat request: {exc!r}")
        record.key, record.index = str(call.key), call.index
        if book.script.models and call.model not in book.script.models:
            return error_response(404, f"The model `{call.model}` does not exist.", kind="NotFoundError")
        if choice is None:
            message = f"no rule of the script matches this request: {call.describe()}"
            return error_response(500, message, kind="scripted_unmatched")
        record.rule = choice.rule
        if choice.prepared.reply.obey is not None:
            choice = choice._replace(prepared=PreparedReply(obey(call, choice.prepared.reply)))
        return await self._reply(request, record, call, choice)

    async def _reply(
        self, request: web.BaseRequest, record: RequestRecord, call: ChatCall, choice: Choice
    ) -> web.StreamResponse:
        reply = choice.prepared.reply
        if reply.stall_at_token == 0 and not choice.prepared.immediate:
            self.counters.waiting += 1
            try:
                await self._stall(choice.prepared)
            finally:
                self.counters.waiting -= 1
        if reply.error is not None:
            return _scripted_error(reply.error)
        if call.begun and not choice.prepared.text.startswith(call.begun):
            message = f"the script's reply does not begin with {call.begun!r}"
            return error_response(400, message, kind="scripted_prefix")
        output = self._output(call, choice.prepared)
        self.counters.running += 1
        try:
            if not call.body.get("stream"):
                response: web.StreamResponse = await self._whole(request, record, output)
            elif choice.prepared.immediate:
                record.tokens_sent = len(output.pieces)
                response = web.Response(body=output.joined(), headers=_EVENT_STREAM)
            else:
                response = await self._streamed(request, record, output)
        finally:
            self.counters.running -= 1
            self.counters.generation_tokens += record.tokens_sent
        self.counters.finished[output.finish_reason] += 1
        return response

    def _output(self, call: ChatCall, prepared: PreparedReply) -> _Output:
        prompt = self.prefixes.count(call.prompt)
        self.counters.prompt_tokens += prompt.tokens
        limit = call.body.get("max_tokens") or call.body.get("max_completion_tokens")
        pieces: Sequence[Piece] = prepared.pieces_after(call.begun)
        truncated = isinstance(limit, int) and limit < len(pieces)
        if truncated:
            pieces = pieces[:limit]
        return _Output(
            model=call.model,
            prepared=prepared,
            pieces=pieces,
            calls=prepared.calls(self._new_id) if prepared.reply.tool_calls else (),
            finish_reason=prepared.finish_reason(truncated=truncated),
            usage=Usage(prompt_tokens=prompt.tokens, completion_tokens=len(pieces), cached_tokens=prompt.cached_tokens),
            show_usage=bool((call.body.get("stream_options") or {}).get("include_usage")),
        )

    async def _stall(self, prepared: PreparedReply) -> None:
        reply = prepared.reply
        if reply.hold is not None:
            await self._gates.wait(reply.hold, limit_s=reply.stall_s or MAX_STALL_S)
        elif reply.stall_s:
            await asyncio.sleep(reply.stall_s)

    async def _whole(self, request: web.BaseRequest, record: RequestRecord, output: _Output) -> web.Response:
        reply = output.prepared.reply
        if reply.stall_at_token:
            await self._stall(output.prepared)
        if reply.tokens_per_s:
            await asyncio.sleep(len(output.pieces) / reply.tokens_per_s)
        if reply.disconnect_after is not None:
            await _drop_connection(request, record)
        record.tokens_sent = len(output.pieces)
        answer: JsonObject = whole_answer(
            output.model, output.pieces, output.calls, finish_reason=output.finish_reason, usage=output.usage
        )
        body = orjson.dumps(answer)
        return web.Response(body=body[: len(body) // 2] if reply.broken_stream else body, headers=_JSON)

    async def _streamed(self, request: web.BaseRequest, record: RequestRecord, output: _Output) -> web.StreamResponse:
        reply = output.prepared.reply
        response = web.StreamResponse(headers=_EVENT_STREAM)
        await response.prepare(request)
        started = self._clock()
        for number, frame in enumerate(output.frames()):
            if reply.disconnect_after == number:
                await _drop_connection(request, record)
            if reply.stall_at_token == number and number:
                await self._stall(output.prepared)
                started = self._clock() - (number / reply.tokens_per_s if reply.tokens_per_s else 0)
            if reply.tokens_per_s:
                await asyncio.sleep(max(0.0, started + (number + 1) / reply.tokens_per_s - self._clock()))
            await response.write(frame)
            record.tokens_sent = min(number + 1, len(output.pieces))
            if record.first_byte_ms is None:
                record.first_byte_ms = (datetime.now(UTC) - record.received_at).total_seconds() * 1_000
        if reply.disconnect_after is not None:
            await _drop_connection(request, record)
        await response.write(output.closing())
        await response.write_eof()
        return response


def _scripted_error(error: ErrorReply) -> web.Response:
    if error.body is None:
        response = error_response(error.status, "scripted error", kind="scripted_error")
    elif isinstance(error.body, str):
        response = web.Response(text=error.body, status=error.status)
    else:
        response = json_response(error.body, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def _drop_connection(request: web.BaseRequest, record: RequestRecord) -> None:
    """Cut the connection; the server then cancels this handler."""
    record.dropped = True
    if request.transport is not None:
        request.transport.abort()
    await asyncio.Event().wait()
