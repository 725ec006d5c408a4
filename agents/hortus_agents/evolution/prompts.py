"""Prompts of synthesis. Short: a small model reads slowly and forgets what stands far above."""

import json
from collections.abc import Sequence

from hortus_agents.evolution.signature import Signature
from hortus_agents.messages import JsonObject, Message

_DESIGNER = "You design one small, general, pure Python function. Reply with one line of JSON."
_WRITER = """\
You write one correct Python function. Standard library only; no print, input, files or network.
Return the result; raise ValueError on invalid input. Reply with one ```python block and nothing else."""
_POWERFUL = """\
You write one correct Python function. Standard library only; no print or input; nothing that is not allowed here.
Return the result; raise ValueError on invalid input. Reply with one ```python block and nothing else."""
_TESTER = "You write test cases for a Python function. Be exact. Reply with one line of JSON."


def signature_messages(name: str, purpose: str, example: str) -> tuple[Message, ...]:
    """Ask for a signature."""
    lines = [f"Function needed: {name}", f"Purpose: {purpose}"]
    if example:
        lines.append(f"Example: {example}")
    return (Message(role="system", content=_DESIGNER), Message(role="user", content="\n".join(lines)))


def source_messages(
    signature: Signature,
    *,
    purpose: str,
    example: str,
    failed: Sequence[tuple[str, str]] = (),
    another_way: bool = False,
    powers: str = "",
) -> tuple[Message, ...]:
    """Ask for a source; `powers` say what it may do beyond computing.

    `failed` are earlier (source, error) pairs. The first is shown to be mended; after a second only the error is told,
    since a small model that failed to mend a source copies it for ever while it sees it.
    """
    stub = render_stub(signature, purpose=purpose, example=example)
    ask = "Write this function in the most obvious way, code only:" if another_way else "Write this function:"
    text = f"{ask}\n```python\n{stub}\n```"
    if powers:
        text += f"\n{powers}"
    if len(failed) > 1:
        text += f"\nEarlier versions were wrong: {failed[-1][1]}\nWrite it in a different way."
    messages = [Message(role="system", content=_POWERFUL if powers else _WRITER), Message(role="user", content=text)]
    if len(failed) == 1:
        source, error = failed[0]
        messages.append(Message(role="assistant", content=f"```python\n{source.rstrip()}\n```"))
        messages.append(Message(role="user", content=f"It is wrong: {error}\nWrite the whole corrected function."))
    return tuple(messages)


def cases_messages(signature: Signature, *, purpose: str, example: str, more: str = "") -> tuple[Message, ...]:
    """Ask for test cases; `more` says what each needs besides arguments and result."""
    stub = render_stub(signature, purpose=purpose, example=example)
    ask = f"Give 4 different cases with small inputs whose result you know for sure. {more}".rstrip()
    return (
        Message(role="system", content=_TESTER),
        Message(role="user", content=f"```python\n{stub}\n```\n{ask}"),
    )


def cases_schema(signature: Signature, *, answered: bool = False) -> JsonObject:
    """Schema of the cases: arguments and result typed as the signature says, and answers to its calls of tools."""
    properties = {"arguments": signature.parameters_schema, "expected": signature.returns_schema}
    if answered:
        properties["answers"] = {"type": "array", "items": {"type": "string", "maxLength": 500}, "maxItems": 4}
    case = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    cases = {"type": "array", "minItems": 3, "maxItems": 5, "items": case}
    return {
        "title": "cases",
        "type": "object",
        "properties": {"cases": cases},
        "required": ["cases"],
        "additionalProperties": False,
    }


def render_stub(signature: Signature, *, purpose: str, example: str) -> str:
    """The function's head with a docstring, as a coder model likes to be asked."""
    lines = [signature.description]
    if " ".join(purpose.split()).lower() != signature.description.lower():
        lines.append(" ".join(purpose.split()))
    if example:
        lines.append(f"Example: {example}")
    docstring = "\n    ".join(line.replace("\\", "\\\\").replace('"""', "'''") for line in lines)
    return f'{signature.head}\n    """{docstring}"""'


def render_call(function: str, arguments: JsonObject) -> str:
    """`f(a=1, b='x')`."""
    return f"{function}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def shorten(value: object, limit: int = 200) -> str:
    """A JSON value on one line, bounded."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}..."
