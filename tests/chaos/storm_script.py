"""What the agents of a storm do: a few calls of the ledger's tools, one after the other, then an answer."""

from typing import Any

from ledger_tools import noted

TOOLS = {"r": "note_rerun", "p": "note_probe", "a": "note_ask"}
PLANS = ("r", "p", "a", "rp", "pa", "ar", "rpa", "apr", "par", "")
WORDS = " ".join(f"word{number}" for number in range(24))
ANSWERS = {plan: f"{plan or 'nothing'} done: {WORDS}" for plan in PLANS}
TOKENS_PER_S = 30


def rules() -> list[dict[str, Any]]:
    """The model's part: it goes through the plan that the task, or the last tool's result, names."""
    made = []
    for plan in PLANS:
        for number in range(len(plan) + 1):
            said = rf"\b{noted(plan, number)}\b" if number else rf"^work {plan}$"
            call = (
                {"tool": TOOLS[plan[number]], "arguments": {"plan": plan, "n": number + 1}} if plan[number:] else None
            )
            reply = {"json": call} if call else {"json": {"answer": ANSWERS[plan]}, "tokens_per_s": TOKENS_PER_S}
            made.append({"when": {"user": said}, "reply": reply})
    return made
