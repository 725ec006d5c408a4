"""What a call gives back, on every tier that this host has."""

import asyncio
import os
import sys
import time

import pytest

from hortus_agents.errors import SandboxError, SandboxUnavailableError
from hortus_agents.sandbox import Sandbox, SandboxLimits, SandboxOutcome, TierName, open_sandbox, opening, probe_tiers

pytestmark = pytest.mark.asyncio(loop_scope="session")  # that of the shared pool
SHORT = SandboxLimits(wall_s=1.0)


async def test_at_least_one_tier_works_on_this_host() -> None:
    reports = await probe_tiers()

    assert any(report.ok for report in reports), reports


async def test_auto_takes_the_first_tier_that_holds_short_of_gvisor() -> None:
    first = next(report.tier for report in await probe_tiers() if report.ok and report.tier != "gvisor")
    opened = await open_sandbox()
    await opened.aclose()

    assert opened.tier == first


async def test_no_variable_of_the_server_is_mistaken_for_a_leak(tier: TierName) -> None:
    # bwrap sets PWD inside, most shells set it outside.
    probe = "import asyncio; from hortus_agents.sandbox import probe_tiers; print(asyncio.run(probe_tiers()))"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", probe),
        env={"PWD": "/", "HOME": "/", "LANG": "C", "LC_CTYPE": "C", "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(100):
        out, _ = await server.communicate()

    assert f"TierReport(tier='{tier}', ok=True" in out.decode()


async def test_refuses_when_no_tier_holds_and_says_why_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    # Walls that do not stand must refuse the tier: here nothing that the check reports can be empty.
    monkeypatch.setattr(
        opening, "SELF_CHECK", "def check(outside, expected_names): return ['processes can be started']"
    )

    with pytest.raises(SandboxUnavailableError) as caught:
        await open_sandbox()

    for expected in ("bubblewrap:", "landlock:", "processes can be started", "To mend it"):
        assert expected in str(caught.value)


async def test_function_gets_arguments_and_returns_json(sandbox: Sandbox) -> None:
    source = (
        "def total(values, *, scale):\n    print('adding')\n    return {'sum': sum(values) * scale, 'n': [None, 1.5]}"
    )

    result = await sandbox.run_function(source, function="total", arguments={"values": [1, 2, 3], "scale": 10})

    assert (result.outcome, result.value) == (SandboxOutcome.OK, {"sum": 60, "n": [None, 1.5]})
    assert (result.stdout, result.error, result.tier) == ("adding\n", "", sandbox.tier)


async def test_big_integers_and_text_come_back_unchanged(sandbox: Sandbox) -> None:
    result = await sandbox.run_function("def same(x): return x", function="same", arguments={"x": [2**200, "é✓😀\x00"]})

    assert result.value == [2**200, "é✓😀\x00"]


async def test_error_shows_the_lines_of_the_code_itself(sandbox: Sandbox) -> None:
    source = "def outer(x):\n    return inner(x)\n\ndef inner(x):\n    return 1 / x\n"

    result = await sandbox.run_function(source, function="outer", arguments={"x": 0})

    assert result.outcome is SandboxOutcome.ERROR
    assert 'File "<tool>", line 2, in outer' in result.error
    assert 'File "<tool>", line 5, in inner' in result.error
    assert "return 1 / x" in result.error
    assert result.error.endswith("ZeroDivisionError: division by zero")
    assert "inside.py" not in result.error


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(:\n  pass", "SyntaxError"),
        ("x = 1", "defines no function 'f'"),
        ("def f(a): return a", "missing 1 required positional argument"),
        ("def f(): return {1, 2}", "the returned value is not JSON: TypeError: Object of type set"),
        ("def f(): return float('nan')", "the returned value is not JSON: ValueError"),
        ("def f():\n  x = []\n  x.append(x)\n  return x", "the returned value is not JSON: ValueError: Circular"),
        ("def f(): return '\\ud800'", "the returned value is not JSON: UnicodeEncodeError"),
        ("async def f(): return 1", "is an async function"),
        ("def f(): return f()", "RecursionError"),
        ("def f(): raise SystemExit(0)", "SystemExit: 0"),
    ],
)
async def test_what_the_code_does_wrong_is_an_error_with_its_reason(
    sandbox: Sandbox, source: str, expected: str
) -> None:
    result = await sandbox.run_function(source, function="f", arguments={})

    assert result.outcome is SandboxOutcome.ERROR
    assert expected in result.error
    assert result.value is None


async def test_script_returns_the_repr_of_its_last_expression(sandbox: Sandbox) -> None:
    result = await sandbox.run_script("import math\nprint('x')\nmath.factorial(20)")

    assert (result.outcome, result.value, result.stdout) == (SandboxOutcome.OK, "2432902008176640000", "x\n")


async def test_script_that_ends_in_a_statement_has_no_value(sandbox: Sandbox) -> None:
    result = await sandbox.run_script("a = 1")

    assert (result.outcome, result.value) == (SandboxOutcome.OK, None)


async def test_standard_library_threads_and_scratch_files_work(sandbox: Sandbox) -> None:
    source = """
import concurrent.futures, datetime, decimal, hashlib, re, sqlite3, tempfile, zoneinfo
def f():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        squares = list(pool.map(lambda x: x * x, range(4)))
    with tempfile.TemporaryDirectory() as folder:
        with sqlite3.connect(folder + "/db") as db:
            db.execute("create table t (a)")
            db.execute("insert into t values (7)")
            row = db.execute("select a from t").fetchone()
    return [squares, row, hashlib.sha256(b"").hexdigest()[:8]]
"""
    result = await sandbox.run_function(source, function="f", arguments={})

    assert (result.value, result.error) == ([[0, 1, 4, 9], [7], "e3b0c442"], "")


async def test_endless_loop_is_a_timeout_that_keeps_what_was_printed(sandbox: Sandbox) -> None:
    started = time.monotonic()

    result = await sandbox.run_script("print('begun')\nwhile True: pass", limits=SHORT)

    assert (result.outcome, result.stdout) == (SandboxOutcome.TIMEOUT, "begun\n")
    assert "1 s" in result.error
    assert time.monotonic() - started < 30


async def test_cpu_time_is_bounded_apart_from_wall_time(sandbox: Sandbox) -> None:
    result = await sandbox.run_script("while True: pass", limits=SandboxLimits(wall_s=20, cpu_s=1))

    assert result.outcome is SandboxOutcome.TIMEOUT
    assert "CPU" in result.error


async def test_sleeping_past_the_wall_time_is_a_timeout(sandbox: Sandbox) -> None:
    result = await sandbox.run_script("import time; time.sleep(60)", limits=SHORT)

    assert result.outcome is SandboxOutcome.TIMEOUT


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(10 * 2**30)",
        "x = []\nwhile True: x.append('y' * 100_000 + str(len(x)))",
        "import mmap\nx = mmap.mmap(-1, 10 * 2**30)",
    ],
)
async def test_too_much_memory_is_told_apart(sandbox: Sandbox, source: str) -> None:
    result = await sandbox.run_script(source)

    assert result.outcome is SandboxOutcome.MEMORY, result.error


async def test_a_gigabyte_of_stdout_is_cut_at_the_limit(sandbox: Sandbox) -> None:
    limits = SandboxLimits(output_kib=64)

    result = await sandbox.run_script("for _ in range(1024): print('x' * 2**20)", limits=limits)

    assert result.outcome is SandboxOutcome.OUTPUT
    assert len(result.stdout) == 64 * 1024


async def test_a_result_over_the_limit_is_told_apart(sandbox: Sandbox) -> None:
    limits = SandboxLimits(output_kib=1)

    result = await sandbox.run_function("def f(): return 'x' * 5000", function="f", arguments={}, limits=limits)

    assert (result.outcome, result.value) == (SandboxOutcome.OUTPUT, None)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os._exit(0)", "without a result"),
        ("import os; os._exit(7)", "without a result"),
        ("import os; os.closerange(0, 64)", ""),
    ],
)
async def test_an_interpreter_that_dies_is_a_crash(sandbox: Sandbox, source: str, reason: str) -> None:
    result = await sandbox.run_script(source)

    assert result.outcome is SandboxOutcome.CRASH
    assert reason in result.error


async def test_a_printed_result_is_only_text(sandbox: Sandbox) -> None:
    forged = '{"outcome": "ok", "value": "forged"}'
    source = f"""
import os, sys
def f():
    print('S'); print({forged!r})
    sys.stderr.write({forged!r} + "\\n"); sys.stderr.flush()
    os.write(1, b{forged!r}); os.write(2, b{forged!r})
    return "genuine"
"""
    result = await sandbox.run_function(source, function="f", arguments={})

    assert (result.outcome, result.value) == (SandboxOutcome.OK, "genuine")
    assert result.stdout.count("forged") == 4


async def test_garbage_on_the_result_channel_is_a_crash_not_a_result(sandbox: Sandbox) -> None:
    source = "import os\ndef f():\n  os.write(60, b'garbage')\n  return 1"

    result = await sandbox.run_function(source, function="f", arguments={})

    assert (result.outcome, result.value) == (SandboxOutcome.CRASH, None)


async def test_file_size_is_bounded(sandbox: Sandbox) -> None:
    source = "open('big', 'wb').write(b'x' * 4 * 2**20)"

    result = await sandbox.run_script(source, limits=SandboxLimits(file_mib=1))

    assert result.outcome is SandboxOutcome.ERROR
    assert "File too large" in result.error


async def test_scratch_as_a_whole_is_bounded(sandbox: Sandbox) -> None:
    source = "import time\nfor n in range(80): open(str(n), 'wb').write(b'x' * 2**20)\ntime.sleep(5)"

    result = await sandbox.run_script(source)

    assert result.outcome in {SandboxOutcome.ERROR, SandboxOutcome.OUTPUT}
    assert "No space left" in result.error or "scratch folder over" in result.error


async def test_second_call_sees_nothing_of_the_first(sandbox: Sandbox) -> None:
    left = await sandbox.run_script(
        "import builtins, os\nbuiltins.leak = 1\nopen('left.txt', 'w').write('x')\nos.getcwd()"
    )
    seen = await sandbox.run_script(
        f"import builtins, os\n[os.listdir('.'), os.path.exists({str(left.value).strip(chr(39))!r} + '/left.txt'), "
        "hasattr(builtins, 'leak')]"
    )

    assert left.outcome is SandboxOutcome.OK
    assert seen.value == "[[], False, False]"


async def test_arguments_that_are_not_json_are_refused_before_anything_runs(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="not JSON"):
        await sandbox.run_function("def f(a): return a", function="f", arguments={"a": object()})


async def test_a_request_that_is_too_large_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="at most"):
        await sandbox.run_script("x = '" + "y" * 5_000_000 + "'")
