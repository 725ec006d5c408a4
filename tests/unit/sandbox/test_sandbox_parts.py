"""The parts of the sandbox that can be looked at without starting one."""

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox import NO_EXTRAS, CallExtras, SandboxLimits
from hortus_agents.sandbox.exchange import STARTED, Exchange, JailRequest
from hortus_agents.sandbox.interpreter import locate_interpreter
from hortus_agents.sandbox.landlock import access_rules
from hortus_agents.sandbox.opening import mending, open_sandbox
from hortus_agents.sandbox.syscalls import seccomp_program

LIMITS = SandboxLimits()


def test_filters_are_whole_instructions_and_small_enough_for_a_pipe() -> None:
    for starting in (False, True):
        program = seccomp_program(starting=starting)
        assert len(program) % 8 == 0
        assert 0 < len(program) < 16 * 1024


def test_the_filter_of_running_code_is_not_that_of_the_start() -> None:
    assert seccomp_program(starting=True) != seccomp_program(starting=False)


def test_request_carries_source_arguments_and_limits() -> None:
    request = json.loads(JailRequest.of("x", "f", {"a": [1]}, limits=LIMITS, extras=NO_EXTRAS, most=1000).line)

    assert request["source"] == "x"
    assert request["function"] == "f"
    assert request["arguments"] == {"a": [1]}
    assert request["limits"]["memory_mib"] == LIMITS.memory_mib


@pytest.mark.parametrize("value", [object(), float("inf"), {1, 2}])
def test_arguments_that_are_not_json_are_refused(value: object) -> None:
    with pytest.raises(SandboxError, match="not JSON"):
        JailRequest.of("x", "f", {"a": value}, limits=LIMITS, extras=NO_EXTRAS, most=1000)


def test_request_over_its_bound_is_refused_with_numbers() -> None:
    with pytest.raises(SandboxError, match="at most 100"):
        JailRequest.of("x" * 200, "f", {}, limits=LIMITS, extras=NO_EXTRAS, most=100)


@pytest.mark.parametrize(
    "name", ["", "..", ".hidden", "../a", "a/b", "/etc/passwd", "a\\b", "a\n", "a\x00", "é.txt", "x" * 101]
)
def test_an_output_is_declared_by_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        CallExtras(outputs=(name,))


def test_outputs_are_bounded_in_number() -> None:
    with pytest.raises(ValueError, match="at most 16"):
        CallExtras(outputs=tuple(f"f{number}" for number in range(17)))


@pytest.mark.parametrize(
    ("abi", "rights", "size"), [(1, 13, 8), (2, 14, 8), (3, 15, 8), (4, 15, 16), (5, 16, 16), (7, 16, 24)]
)
def test_rules_ask_for_what_the_kernel_knows(abi: int, rights: int, size: int) -> None:
    rules = access_rules(abi, locate_interpreter(), Path("/scratch"))

    assert rules["handled_fs"] == (1 << rights) - 1
    assert rules["size"] == size
    assert isinstance(rules["paths"], list)
    assert all(0 < access < 1 << rights for _, access in rules["paths"])


def test_rules_grant_no_installed_package_and_write_only_the_scratch_folder() -> None:
    rules = access_rules(7, locate_interpreter(), Path("/scratch"))
    assert isinstance(rules["paths"], list)

    granted = dict(rules["paths"])
    writable = {path for path, access in granted.items() if access & 0b10 and not path.startswith("/dev/")}

    assert not [path for path in granted if path.endswith(("site-packages", "dist-packages"))]
    assert writable == {"/scratch"}


def test_each_reason_has_a_way_to_mend_it() -> None:
    assert "libseccomp2" in mending("landlock", "the C library libseccomp was not found")
    assert "user namespaces" in mending("bubblewrap", "bwrap: No permissions to create new namespace")
    assert "install bubblewrap" in mending("bubblewrap", "no bwrap executable")
    assert "CONFIG_SECURITY_LANDLOCK" in mending("landlock", "landlock_create_ruleset: Function not implemented")


async def test_concurrency_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await open_sandbox(concurrency=0)


async def test_lines_of_an_answer_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(name: str, arguments: Mapping[str, Any]) -> str:
        return "unused"

    extras = CallExtras(answer_tool=answer)
    request = JailRequest.of("", "f", {}, limits=LIMITS, extras=extras, most=10_000)
    looks = 0
    take = Exchange._take

    async def counted(self: Exchange, line: bytes, replies: asyncio.StreamWriter) -> None:
        nonlocal looks
        looks += 1
        await take(self, line, replies)

    monkeypatch.setattr(Exchange, "_take", counted)
    control, exchange = asyncio.StreamReader(limit=2**20), Exchange(request)
    control.feed_data(STARTED + b"\n" * 200_000 + b'{"outcome": "ok", "value": 1}\n')
    control.feed_eof()
    here, there = socket.socketpair()
    _, replies = await asyncio.open_connection(sock=here)

    await exchange.follow(control, replies)
    replies.close()
    there.close()

    assert (exchange.started, exchange.read_answer().value) == (True, 1)
    assert looks == 2
