"""Replies in the wire format of chat completions, streamed or whole."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import orjson

from hortus_agents.messages import JsonObject, Usage
from hortus_agents.models.scripted.script import Reply, ScriptedCall
from hortus_agents.models.scripted.tokens import split_tokens

ANSWER_ID: Final = "chatcmpl-scripted"  # constant, so that the same reply is the same bytes
DONE: Final = b"data: [DONE]\n\n"
_BROKEN_EVENT: Final = b'data: {"id":"chatcmpl-scripted","choices":[{"delta":{"con\n\n'
_TEXT: Final = -1
_REMEMBERED_MODELS: Final = 64


class Piece(NamedTuple):
    """One token of the output: of the text (`call` is -1) or of the arguments of a call."""

    call: int
    token: str


class TextFrames(NamedTuple):
    """The events of a text reply: one by one for slow streams, joined for immediate ones."""

    frames: tuple[bytes, ...]
    joined: bytes


class PreparedReply:
    """A reply with everything computed that does not depend on the request."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.pieces = tuple(_pieces(reply))
        self.immediate = not (reply.stall_s or reply.hold or reply.tokens_per_s or reply.disconnect_after is not None)
        self._text_frames: dict[str, TextFrames] = {}

    @property
    def text(self) -> str:
        """The whole text of the reply."""
        return "".join(piece.token for piece in self.pieces if piece.call == _TEXT)

    def pieces_after(self, begun: str) -> tuple[Piece, ...]:
        """What is left of the output behind `begun`, with which its text begins."""
        if not begun:
            return self.pieces
        rest = [Piece(_TEXT, token) for token in split_tokens(self.text[len(begun) :])]
        return (*rest, *(piece for piece in self.pieces if piece.call != _TEXT))

    def text_frames(self, model: str) -> TextFrames:
        """Events of the whole output of a reply without tool calls, as `model` would send them."""
        found = self._text_frames.get(model)
        if found is None:
            frames = tuple(self.frames(model, self.pieces, ()))
            if len(self._text_frames) >= _REMEMBERED_MODELS:
                self._text_frames.clear()
            found = self._text_frames[model] = TextFrames(frames, b"".join(frames))
        return found

    def calls(self, new_id: Callable[[], str]) -> tuple[ScriptedCall, ...]:
        """The reply's calls, each with an id."""
        return tuple(call if call.id else call.model_copy(update={"id": new_id()}) for call in self.reply.tool_calls)

    def frames(self, model: str, pieces: Sequence[Piece], calls: Sequence[ScriptedCall]) -> list[bytes]:
        """One block of bytes per piece; the first also opens the message, a broken stream breaks halfway."""
        frames: list[bytes] = []
        opened: set[int] = set()
        for piece in pieces:
            if piece.call == _TEXT:
                frames.append(_event(model, {"content": piece.token}))
                continue
            part: JsonObject = {"index": piece.call, "function": {"arguments": piece.token}}
            if piece.call not in opened:
                opened.add(piece.call)
                call = calls[piece.call]
                part |= {"id": call.id, "type": "function"}
                part["function"]["name"] = call.name
            frames.append(_event(model, {"tool_calls": [part]}))
        opening = _event(model, {"role": "assistant", "content": ""})
        frames[:1] = [opening + frames[0]] if frames else [opening]
        if self.reply.broken_stream:
            frames[len(frames) // 2] += _BROKEN_EVENT
        return frames

    def finish_reason(self, *, truncated: bool) -> str:
        """Why the answer ended, unless the script says otherwise."""
        if self.reply.finish_reason is not None:
            return self.reply.finish_reason
        if truncated:
            return "length"
        return "tool_calls" if self.reply.tool_calls else "stop"


def _pieces(reply: Reply) -> list[Piece]:
    text = (reply.text or "") * reply.repeat
    if "json_value" in reply.model_fields_set:
        text = orjson.dumps(reply.json_value).decode()
        text = text[: len(text) // 2] if reply.broken_json else text
    pieces = [Piece(_TEXT, token) for token in split_tokens(text)]
    for number, call in enumerate(reply.tool_calls):
        arguments = orjson.dumps(call.arguments).decode()
        arguments = arguments[: len(arguments) // 2] if reply.broken_json else arguments
        pieces += [Piece(number, token) for token in split_tokens(arguments)]
    return pieces


def _event(model: str, delta: JsonObject, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _frame({**_head(model, "chat.completion.chunk"), "choices": [choice]})


def _frame(event: JsonObject) -> bytes:
    return b"data: " + orjson.dumps(event) + b"\n\n"


def _head(model: str, kind: str) -> JsonObject:
    return {"id": ANSWER_ID, "object": kind, "created": 0, "model": model}


def closing_frames(model: str, finish_reason: str, usage: Usage | None) -> bytes:
    """The last events of a stream; `usage` None leaves that event out, as without `include_usage`."""
    closing = _event(model, {}, finish_reason)
    if usage is not None:
        closing += _frame({**_head(model, "chat.completion.chunk"), "choices": [], "usage": wire_usage(usage)})
    return closing + DONE


def wire_usage(usage: Usage) -> JsonObject:
    """The usage object of an answer."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def whole_answer(
    model: str, pieces: Sequence[Piece], calls: Sequence[ScriptedCall], *, finish_reason: str, usage: Usage
) -> JsonObject:
    """The answer to a request that does not stream."""
    message: JsonObject = {
        "role": "assistant",
        "content": "".join(piece.token for piece in pieces if piece.call == _TEXT),
    }
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": "".join(piece.token for piece in pieces if piece.call == number),
                },
            }
            for number, call in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {**_head(model, "chat.completion"), "choices": [choice], "usage": wire_usage(usage)}
