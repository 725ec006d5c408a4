"""What a call may do beyond returning a value: declared files, granted tools; and what it is seen to touch."""

import asyncio
import pickle
import time
from collections.abc import Mapping
from typing import Any

import pytest

from hortus_agents.errors import ToolFailedError
from hortus_agents.sandbox import CallExtras, Sandbox, SandboxLimits, SandboxOutcome, SandboxResult

pytestmark = pytest.mark.asyncio(loop_scope="session")  # that of the shared pool
LIMITS = SandboxLimits(wall_s=5.0)


async def outputs(sandbox: Sandbox, source: str, *names: str) -> SandboxResult:
    return await sandbox.run_script(source, limits=LIMITS, extras=CallExtras(outputs=names))


async def test_declared_files_come_back_and_others_do_not(sandbox: Sandbox) -> None:
    source = "open('a.bin', 'wb').write(bytes(range(256)))\nopen('other', 'w').write('x')"

    result = await outputs(sandbox, source, "a.bin", "missing.txt")

    assert (result.outcome, result.files) == (SandboxOutcome.OK, {"a.bin": bytes(range(256))})


@pytest.mark.parametrize(
    "source",
    [
        "import os; os.symlink('/etc/passwd', 'out')",
        "import os; os.symlink('../../etc/shadow', 'out')",
        "import os; open('x', 'w').write('x'); os.symlink('x', 'out')",
        "import os; os.mkdir('out')",
        "import os; os.symlink('/dev/zero', 'out')",
        "import os; os.symlink('/dev/random', 'out')",
    ],
)
async def test_an_output_that_is_no_plain_file_is_forbidden(sandbox: Sandbox, source: str) -> None:
    result = await outputs(sandbox, source, "out")

    assert (result.outcome, result.files) == (SandboxOutcome.FORBIDDEN, {})
    assert "no plain file" in result.error


async def test_an_output_over_its_size_is_told_apart(sandbox: Sandbox) -> None:
    result = await outputs(sandbox, "open('out', 'wb').write(b'x' * (2**20 + 1))", "out")

    assert (result.outcome, result.files) == (SandboxOutcome.OUTPUT, {})


async def test_files_together_are_bounded(sandbox: Sandbox) -> None:
    names = [f"f{number}" for number in range(6)]
    source = f"for name in {names}: open(name, 'wb').write(b'x' * 2**20)"

    result = await outputs(sandbox, source, *names)

    assert (result.outcome, result.files) == (SandboxOutcome.OUTPUT, {})


async def test_forged_files_under_undeclared_names_are_not_taken(sandbox: Sandbox) -> None:
    forged = '{"outcome": "ok", "value": null, "files": {"../evil": "eA==", "out": "eA=="}}'
    source = f"import os\nos.write(60, {forged.encode()!r} + b'\\n')\nos._exit(0)"

    result = await outputs(sandbox, source, "out")

    assert (result.outcome, result.files) == (SandboxOutcome.OK, {"out": b"x"})


async def test_a_pickle_in_a_result_is_bytes_and_text_only(sandbox: Sandbox) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, ("raise SystemExit('unpickled')",)

    bomb = pickle.dumps(Bomb())
    source = f"open('out', 'wb').write({bomb!r})\ndef f(): return {bomb!r}"

    as_file = await outputs(sandbox, source, "out")
    as_value = await sandbox.run_function(source, function="f", arguments={}, limits=LIMITS)

    assert as_file.files == {"out": bomb}
    assert (as_value.outcome, as_value.value) == (SandboxOutcome.ERROR, None)
    assert "not JSON" in as_value.error


async def test_code_calls_granted_tools_over_the_pipe(sandbox: Sandbox) -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    async def answer(name: str, arguments: Mapping[str, Any]) -> str:
        asked.append((name, arguments))
        if name == "refused":
            raise ToolFailedError("this agent may not")
        return f"{name} said é✓"

    source = """
def f():
    first = call_tool("look", text="a", many=[1, 2])
    try:
        call_tool("refused")
    except ToolCallError as error:
        return [first, str(error)]
"""
    extras = CallExtras(answer_tool=answer)

    result = await sandbox.run_function(source, function="f", arguments={}, limits=LIMITS, extras=extras)

    assert result.value == ["look said é✓", "this agent may not"]
    assert asked == [("look", {"text": "a", "many": [1, 2]}), ("refused", {})]


async def test_without_granted_tools_there_is_no_pipe(sandbox: Sandbox) -> None:
    source = "import os\ntry:\n    os.read(61, 1)\nexcept OSError as error:\n    print(error.errno)\ncall_tool('x')"

    result = await sandbox.run_script(source, limits=LIMITS)

    assert (result.outcome, result.stdout) == (SandboxOutcome.ERROR, "9\n")
    assert "NameError" in result.error


async def test_calls_of_tools_are_bounded_in_number_and_size(sandbox: Sandbox) -> None:
    async def answer(name: str, arguments: Mapping[str, Any]) -> str:
        return "ok"

    extras = CallExtras(answer_tool=answer)

    many = await sandbox.run_script("while True: call_tool('x')", limits=LIMITS, extras=extras)
    large = await sandbox.run_script("call_tool('x', a='y' * 100_000)", limits=LIMITS, extras=extras)

    assert (many.outcome, many.error) == (SandboxOutcome.FORBIDDEN, "more than 32 calls of tools")
    assert "ToolCallError: a call may have 64 KiB" in large.error


@pytest.mark.parametrize("line", ['{"call": ', '{"call": 1, "arguments": {}}', '{"call": "x", "arguments": []}'])
async def test_calls_that_make_no_sense_are_answered_not_made(sandbox: Sandbox, line: str) -> None:
    asked: list[str] = []

    async def answer(name: str, arguments: Mapping[str, Any]) -> str:
        asked.append(name)
        return "ok"

    source = f"import os\nos.write(60, {line.encode()!r} + b'\\n')\nos.read(61, 1000).decode()"

    result = await sandbox.run_script(source, limits=LIMITS, extras=CallExtras(answer_tool=answer))

    assert (result.outcome, asked) == (SandboxOutcome.OK, [])
    assert '"ok": false' in str(result.value)


async def test_a_tool_that_does_not_answer_ends_with_the_call(sandbox: Sandbox) -> None:
    ended = asyncio.Event()

    async def answer(name: str, arguments: Mapping[str, Any]) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "late"

    started = time.monotonic()
    result = await sandbox.run_script(
        "call_tool('x')", limits=SandboxLimits(wall_s=0.5), extras=CallExtras(answer_tool=answer)
    )

    assert result.outcome is SandboxOutcome.TIMEOUT
    assert ended.is_set()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): return sum(range(10))", ()),
        ("import json, datetime, decimal\ndef f(): return json.dumps([1])", ()),
        ("import zoneinfo\ndef f(): return str(zoneinfo.ZoneInfo('Europe/Vienna'))", ()),
        ("import io\ndef f():\n  try: io.open('../secret')\n  except OSError: return 1", ("open '../secret'",)),
        ("import os\ndef f():\n  try: os.system('id')\n  except OSError: return 1", ("""os.system "b'id'\"""",)),
        ("import os\ndef f():\n  os.mkdir('x')\n  return 1", ("os.mkdir 'x'",)),
    ],
)
async def test_what_code_touches_is_seen(sandbox: Sandbox, source: str, expected: tuple[str, ...]) -> None:
    result = await sandbox.run_function(
        source, function="f", arguments={}, limits=LIMITS, extras=CallExtras(observe=True)
    )

    assert result.touched == expected
