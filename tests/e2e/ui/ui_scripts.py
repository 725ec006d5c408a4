"""What the scripted model says in the tests of the UI."""

from collections.abc import Mapping
from typing import Any

Rule = Mapping[str, Any]

SOURCE = """```python
def to_roman(number):
    result = ""  # grows from the left
    for value, mark in [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        while number >= value:
            result += mark
            number -= value
    return result
```"""
CASES = [{"arguments": {"number": n}, "expected": roman} for n, roman in ((4, "IV"), (9, "IX"), (14, "XIV"))]

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\n\n"
    "[click](javascript:alert(3)) ![pixel](https://tracker.example/x.png) [bank](https://evil.example/)\n\n"
    "```html\n<b>bold</b>\n```"
)


def act(words: str, *, turn: int | None = None, **reply: Any) -> Rule:
    """An agent's own step, by words anywhere in its prompt: results of tools are the last user messages."""
    when: dict[str, Any] = {"purpose": "act", "prompt": words}
    if turn is not None:
        when["turn"] = turn
    return {"when": when, "reply": reply}


def answer(text: str) -> dict[str, str]:
    """A constrained reply that ends the run."""
    return {"answer": text}


GROW_A_TOOL: tuple[Rule, ...] = (
    act(
        "2024",
        turn=0,
        json={
            "tool": "request_capability",
            "arguments": {"name": "to_roman", "purpose": "write a number as Roman numerals"},
        },
    ),
    act("2024", turn=1, json={"tool": "to_roman", "arguments": {"number": 2024}}),
    act("2024", json=answer("It is MMXXIV.")),
    {
        "when": {"purpose": "capability.signature"},
        "reply": {
            "json": {
                "name": "to_roman",
                "description": "Roman numerals of a positive integer.",
                "parameters": [{"name": "number", "type": "integer"}],
                "returns": "string",
            }
        },
    },
    {"when": {"purpose": "capability.source"}, "reply": {"text": SOURCE}},
    {"when": {"purpose": "capability.tests"}, "reply": {"json": {"cases": CASES}}},
)

GROWING: Mapping[str, Any] = {
    "tools": ["calculate", "request_capability"],
    "memory": {"recall": True, "remember": True},
    "evolution": {"reuse": False, "create": True},
}

LEAVING = "open('table.csv', 'w').write('a,b\\n1,2\\n'); print('x' * 9_000)"
SLOW = "Gardens grow slowly and so does this answer, word by word, until it ends or somebody stops it."
RULES: tuple[Rule, ...] = (
    *GROW_A_TOOL,
    act("slowly", json=answer(SLOW), hold="slowly", stall_at_token=8),
    act("for ever", json=answer(SLOW), hold="for ever", stall_at_token=8),
    act("hostile", json=answer(HOSTILE)),
    act("sum of 2", turn=0, json={"tool": "calculate", "arguments": {"expression": "2 + 3"}}),
    act("sum of 2", json=answer("The sum is 5.")),
    act("leave files", turn=0, json={"tool": "python", "arguments": {"code": LEAVING, "outputs": ["table.csv"]}}),
    act("leave files", json=answer("They are left.")),
)
DEFAULT = {"json": answer("Plain words.")}
