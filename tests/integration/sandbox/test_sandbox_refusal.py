"""Hosts that refuse what a tier needs, made by seccomp filters on a process of our own."""

import asyncio
import json
import os
import sys

import pytest

from hortus_agents.sandbox import SandboxUnavailableError, TierName, TierReport, open_sandbox

# As a container's default profile: no new namespaces; and, where asked, a kernel without Landlock.
HOST = """
import asyncio, errno, json, sys
import pyseccomp
from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox import open_sandbox, probe_tiers

async def main():
    try:
        sandbox = await open_sandbox(minimum=0 if "zero" in sys.argv else 1)
    except SandboxUnavailableError as exc:
        opened = str(exc)
    else:
        opened = sandbox.tier
        result = await sandbox.run_function("def f(a): return 6 * a", function="f", arguments={"a": 7})
        assert result.value == 42, result
        await sandbox.aclose()
    reports = {report.tier: [report.ok, report.why, report.mend] for report in await probe_tiers()}
    print(json.dumps([opened, reports]))

host = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
if "namespaces" in sys.argv:
    new_user = 0x10000000
    masked = lambda position: pyseccomp.Arg(position, pyseccomp.MASKED_EQ, new_user, new_user)
    host.add_rule(pyseccomp.ERRNO(errno.EPERM), "unshare", masked(0))
    host.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", masked(0))
    host.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
if "landlock" in sys.argv:
    host.add_rule(pyseccomp.ERRNO(errno.ENOSYS), 444)
host.load()
asyncio.run(main())
"""


@pytest.fixture
def landlock_works(reports: tuple[TierReport, ...]) -> bool:
    return next(report.ok for report in reports if report.tier == "landlock")


async def opened_where_refused(
    *refused: str, by: tuple[str, ...] = ()
) -> tuple[str, dict[TierName, tuple[bool, str, str]]]:
    pipe = asyncio.subprocess.PIPE
    host = await asyncio.create_subprocess_exec(*by, sys.executable, "-c", HOST, *refused, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(100):
        out, complaint = await host.communicate()
    assert host.returncode == 0, (host.returncode, complaint.decode())
    opened, reports = json.loads(out.splitlines()[-1])  # after the warnings of the refused tiers
    return opened, reports


async def test_landlock_is_taken_where_namespaces_are_refused(*, landlock_works: bool) -> None:
    if not landlock_works:
        pytest.skip("this kernel has no Landlock")

    opened, reports = await opened_where_refused("namespaces")

    assert opened == "landlock"
    ok, why, mend = reports["bubblewrap"]
    assert not ok
    assert "namespace" in why
    assert "seccomp" in mend


async def test_refuses_where_both_are_refused_and_says_why() -> None:
    opened, reports = await opened_where_refused("namespaces", "landlock")

    assert "no sandbox tier works here" in opened
    assert "namespace" in opened
    assert "landlock_create_ruleset: Function not implemented" in opened
    assert "CONFIG_SECURITY_LANDLOCK" in opened
    assert [name for name, (ok, _, _) in reports.items() if ok] in ([], ["interpreter"])


@pytest.mark.skipif(os.geteuid() != 0, reason="a user looks into its own processes")
async def test_refuses_where_root_may_not_look_into_the_jail(*, landlock_works: bool) -> None:
    if not landlock_works:
        pytest.skip("this kernel has no Landlock")
    less = ("setpriv", "--bounding-set", "-sys_ptrace,-perfmon,-sys_admin", "--inh-caps", "-sys_ptrace")

    opened, reports = await opened_where_refused("namespaces", by=less)

    assert "landlock: the jail cannot be looked into: Permission denied" in opened
    assert "CAP_SYS_PTRACE" in reports["landlock"][2]


async def test_nothing_below_the_minimum_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # where no runsc is
    with pytest.raises(SandboxUnavailableError) as caught:
        await open_sandbox(minimum=2)
    assert "gvisor: no runsc executable" in str(caught.value)
    assert "landlock: tier 1, and at least 2 is demanded" in str(caught.value)
    with pytest.raises(SandboxUnavailableError, match="interpreter: tier 0, and at least 1 is demanded"):
        await open_sandbox(tier="interpreter")


async def test_the_interpreter_is_taken_only_where_it_is_allowed_and_nothing_else_works() -> None:
    opened, _ = await opened_where_refused("namespaces", "landlock", "zero")
    assert opened == "interpreter"
