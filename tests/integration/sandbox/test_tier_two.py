"""gVisor: its configuration, and how it is found; what it holds is in the tests of all tiers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox import SandboxOutcome, TierReport, open_sandbox, probe_tiers
from hortus_agents.sandbox.gvisor import GVisorTier, oci_config, offered_platforms, system_folders
from hortus_agents.sandbox.interpreter import locate_interpreter
from hortus_agents.sandbox.tiers import clear_launch

FakeRunsc = Callable[[str], None]


@pytest.fixture
def fake_runsc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRunsc:
    """Puts a program of that name, with that body, first on the path."""

    def put(body: str) -> None:
        (tmp_path / "runsc").write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "runsc").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


@pytest.fixture
def works(reports: tuple[TierReport, ...]) -> None:
    report = next(report for report in reports if report.tier == "gvisor")
    if not report.ok:
        pytest.skip(f"gvisor does not work here: {report.why}")


def test_the_container_has_no_network_no_capabilities_and_nothing_to_write_on_but_memory() -> None:
    config = oci_config(locate_interpreter(), system_folders()[0])
    assert config["root"]["readonly"] is True
    assert config["process"]["capabilities"] == {}
    assert config["process"]["noNewPrivileges"] is True
    assert config["process"]["user"] == {"uid": 65534, "gid": 65534}
    assert {"type": "network"} in config["linux"]["namespaces"]
    assert not [namespace for namespace in config["linux"]["namespaces"] if "path" in namespace]
    writable = [mount["destination"] for mount in config["mounts"] if "ro" not in mount["options"]]
    assert writable == ["/scratch"]
    sources = {mount["source"] for mount in config["mounts"] if mount["type"] == "bind"}
    assert not sources & {"/", "/etc", "/home", "/root", "/tmp", "/var", "/proc"}  # noqa: S108


def test_a_start_leaves_nothing_on_the_host(fake_runsc: FakeRunsc) -> None:
    fake_runsc("")
    launch = GVisorTier("systrap").prepare()
    assert launch.removed is not None
    assert json.loads((launch.removed / "config.json").read_text())["process"]["cwd"] == "/scratch"
    assert launch.ending[-1] == launch.argv[-1]
    assert {"--network=none", "--platform=systrap"} < set(launch.argv)
    clear_launch(launch)
    assert not launch.removed.exists()


def test_platforms_are_those_that_it_was_built_with_the_best_first(fake_runsc: FakeRunsc) -> None:
    fake_runsc("printf 'kvm\\nptrace\\nsystrap\\nfuture\\n'")
    assert offered_platforms() == ("systrap", "ptrace", "kvm")


async def test_a_platform_that_does_not_work_is_told_with_its_reason(fake_runsc: FakeRunsc) -> None:
    fake_runsc('[ "$1" = help ] && echo kvm || { echo "no such device" >&2; exit 1; }')
    report = next(report for report in await probe_tiers() if report.tier == "gvisor")
    assert not report.ok
    assert "kvm: the jail did not come up: no such device" in report.why
    assert "as the worker's user" in report.mend


async def test_a_platform_that_hangs_is_given_up(fake_runsc: FakeRunsc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hortus_agents.sandbox.jail.START_TIMEOUT_S", 0.2)
    fake_runsc('case "$*" in help*) echo kvm;; *delete*) ;; *) exec sleep 60;; esac')
    with pytest.raises(SandboxUnavailableError, match=r"kvm: the jail was not ready within 0\.2 s"):
        await open_sandbox(tier="gvisor")


async def test_a_runsc_that_does_not_answer_is_no_tier(fake_runsc: FakeRunsc) -> None:
    fake_runsc("exit 3")
    with pytest.raises(SandboxUnavailableError, match="runsc does not answer"):
        await open_sandbox(tier="gvisor")


async def test_without_runsc_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailableError, match=r"no runsc executable.*HORTUS_SANDBOX_TIER=gvisor"):
        await open_sandbox(tier="gvisor")


@pytest.mark.usefixtures("works")
async def test_a_minimum_of_two_opens_it() -> None:
    opened = await open_sandbox(minimum=2, concurrency=1)
    result = await opened.run_function("def f(a): return a + 1", function="f", arguments={"a": 1})
    await opened.aclose()
    assert (result.outcome, result.value, result.tier) == (SandboxOutcome.OK, 2, "gvisor")


@pytest.mark.usefixtures("works")
def test_its_report_says_what_runs_it(reports: tuple[TierReport, ...]) -> None:
    assert next(report.how for report in reports if report.tier == "gvisor").startswith("runsc ")
