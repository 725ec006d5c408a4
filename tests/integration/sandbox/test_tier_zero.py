"""The interpreter: pure functions, and every way out that we know of ends in an error of its own kind."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox import CallExtras, Sandbox, SandboxLimits, SandboxOutcome, TierReport, open_sandbox

PATIENT = SandboxLimits(wall_s=60.0, cpu_s=60, output_kib=64)  # a busy machine
SHORT = SandboxLimits(wall_s=1.0, cpu_s=1, output_kib=64)


@pytest.fixture
async def interpreter(reports: tuple[TierReport, ...]) -> AsyncIterator[Sandbox]:
    report = next(report for report in reports if report.tier == "interpreter")
    if not report.ok:
        pytest.skip(f"tier 0 does not work here: {report.why}")
    opened = await open_sandbox(tier="interpreter", minimum=0, concurrency=1)
    yield opened
    await opened.aclose()


async def test_a_pure_function_gets_arguments_and_returns_json(interpreter: Sandbox) -> None:
    source = "def total(values, scale):\n    return {'sum': sum(values) * scale}"
    result = await interpreter.run_function(source, function="total", arguments={"values": [1, 2], "scale": 3})
    assert (result.outcome, result.value, result.tier) == (SandboxOutcome.OK, {"sum": 9}, "interpreter")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("while True: pass", SandboxOutcome.TIMEOUT),
        ("return 'x' * 10**10", SandboxOutcome.MEMORY),
        ("while True: print('x' * 1000)", SandboxOutcome.OUTPUT),
        ("return 'x' * 70_000", SandboxOutcome.OUTPUT),
        ("return open('/etc/shadow').read()", SandboxOutcome.FORBIDDEN),
        ("return open('/proc/self/environ').read()", SandboxOutcome.FORBIDDEN),
        ("open('/tmp/hortus-out', 'w').write('x')", SandboxOutcome.FORBIDDEN),
        ("import os; return os.environ['PATH']", SandboxOutcome.ERROR),
        ("import os; return os.system('id')", SandboxOutcome.ERROR),
        ("import os; return os.fork()", SandboxOutcome.ERROR),
        ("import socket", SandboxOutcome.ERROR),
        ("import subprocess", SandboxOutcome.ERROR),
        ("import ctypes", SandboxOutcome.ERROR),
        ("import pickle", SandboxOutcome.ERROR),
        ("return ().__class__.__base__.__subclasses__()", SandboxOutcome.ERROR),
        ("return '{0.__class__.__mro__}'.format(1)", SandboxOutcome.ERROR),
        ("return f'{(1).__class__}'", SandboxOutcome.ERROR),
        ("return str((i for i in [1]).gi_frame)", SandboxOutcome.ERROR),
        ("def g(): pass\n    return str(g.__globals__)", SandboxOutcome.ERROR),
        ("try: 1 / 0\n    except Exception as e: return str(e.__traceback__.tb_frame)", SandboxOutcome.ERROR),
        ("return str(__builtins__)", SandboxOutcome.ERROR),
        ("return __import__('os')", SandboxOutcome.ERROR),
        ("import sys; return str(sys.modules)", SandboxOutcome.ERROR),
        ("from pathlib import Path; return [str(p) for p in Path('/').iterdir()]", SandboxOutcome.FORBIDDEN),
        ("return 9**9**9 > 0", SandboxOutcome.MEMORY),
        ("return 'x'.rjust(10**11)", SandboxOutcome.MEMORY),
        ("import math; return math.factorial(10**7) > 0", SandboxOutcome.TIMEOUT),
        ("while True: print('')", SandboxOutcome.OUTPUT),
        ("raise TimeoutError('I say so')", SandboxOutcome.ERROR),
        ("return {1, 2}", SandboxOutcome.ERROR),
        ("return f()", SandboxOutcome.ERROR),
    ],
)
async def test_what_is_not_pure_or_not_bounded_ends(interpreter: Sandbox, body: str, outcome: SandboxOutcome) -> None:
    limits = SHORT if outcome is SandboxOutcome.TIMEOUT else PATIENT
    result = await interpreter.run_function(f"def f():\n    {body}", function="f", arguments={}, limits=limits)
    assert result.outcome is outcome, result
    assert result.value is None


async def test_values_are_what_their_json_is(interpreter: Sandbox) -> None:
    source = "def f():\n    return {1: (2, 3), None: 4}"
    assert (await interpreter.run_function(source, function="f", arguments={})).value == {"1": [2, 3], "null": 4}


async def test_closing_ends_calls_that_run_and_calls_that_wait(interpreter: Sandbox) -> None:
    source = "def f():\n    while True: pass"
    calls = [asyncio.create_task(interpreter.run_function(source, function="f", arguments={})) for _ in range(3)]
    await asyncio.sleep(0.1)

    await interpreter.aclose()

    for call in calls:
        with pytest.raises(SandboxError, match="closed during the call"):
            await call
    with pytest.raises(SandboxError, match="is closed"):
        await interpreter.run_function(source, function="f", arguments={})


async def test_scripts_files_and_tools_are_forbidden(interpreter: Sandbox) -> None:
    async def answer(*_: object) -> str:
        raise AssertionError

    for extras in (CallExtras(outputs=("a.txt",)), CallExtras(answer_tool=answer)):
        result = await interpreter.run_function("def f(): return 1", function="f", arguments={}, extras=extras)
        assert result.outcome is SandboxOutcome.FORBIDDEN
    assert (await interpreter.run_script("1")).outcome is SandboxOutcome.FORBIDDEN


async def test_one_call_sees_nothing_of_another_and_no_process_is_left(reports: tuple[TierReport, ...]) -> None:
    if not next(report.ok for report in reports if report.tier == "interpreter"):
        pytest.skip("tier 0 does not work here")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    opened = await open_sandbox(tier="interpreter", minimum=0, concurrency=1)
    await opened.run_function("x = 1\ndef f(): return x", function="f", arguments={})
    seen = await opened.run_function("def f(): return x", function="f", arguments={})
    await opened.aclose()
    assert "NameError" in seen.error
    after = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert [child for child in after if child.status() != psutil.STATUS_ZOMBIE] == []
