"""What the scripted model says in the tests of runs."""

from cluster import SPEC

ANSWER = {"reply": {"json": {"answer": "four"}}}
WITH_TOOL = SPEC.model_copy(update={"tools": ("calculate",)})
CALL = {"when": {"turn": 0}, "reply": {"json": {"tool": "calculate", "arguments": {"expression": "2+2"}}}}


def held(name: str, *, turn: int = 0, at_token: int = 0) -> dict[str, object]:
    reply = {"json": {"answer": "four and some more words"}, "hold": name, "stall_at_token": at_token}
    return {"when": {"turn": turn}, "reply": reply}
