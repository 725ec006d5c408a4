"""gVisor: what can be said of it on a host without it, and all walls on a host that has it."""

import json
import shutil
from pathlib import Path

import pytest

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox import SandboxOutcome, open_sandbox
from hortus_agents.sandbox.gvisor import GVisorTier, oci_config
from hortus_agents.sandbox.interpreter import locate_interpreter
from hortus_agents.sandbox.tiers import clear_launch


def test_the_container_has_no_network_no_capabilities_and_nothing_to_write_on_but_memory() -> None:
    config = oci_config(locate_interpreter())
    assert config["root"]["readonly"] is True
    assert config["process"]["capabilities"] == {}
    assert config["process"]["noNewPrivileges"] is True
    assert config["process"]["user"] == {"uid": 65534, "gid": 65534}
    assert {"type": "network"} in config["linux"]["namespaces"]
    assert not [namespace for namespace in config["linux"]["namespaces"] if "path" in namespace]
    assert all("ro" in mount["options"] for mount in config["mounts"] if mount["type"] == "bind")
    sources = {mount["source"] for mount in config["mounts"] if mount["type"] == "bind"}
    assert not sources & {"/", "/etc", "/home", "/root", "/tmp", "/var", "/proc"}  # noqa: S108


def test_a_start_leaves_nothing_on_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runsc = tmp_path / "runsc"
    runsc.write_text("#!/bin/sh\n")
    runsc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    launch = GVisorTier().prepare()
    assert launch.removed is not None
    assert json.loads((launch.removed / "config.json").read_text())["process"]["cwd"] == "/scratch"
    assert launch.ending[-1] == launch.argv[-1]
    assert "--network=none" in launch.argv
    clear_launch(launch)
    assert not launch.removed.exists()


async def test_without_runsc_it_says_so() -> None:
    if shutil.which("runsc"):
        pytest.skip("this host has runsc")
    with pytest.raises(SandboxUnavailableError, match=r"no runsc executable.*HORTUS_SANDBOX_TIER=gvisor"):
        await open_sandbox(tier="gvisor")


async def test_with_runsc_it_runs_code() -> None:
    if not shutil.which("runsc"):
        pytest.skip("no runsc on this host: tier 2 cannot be run here")
    sandbox = await open_sandbox(tier="gvisor", concurrency=1)
    try:
        result = await sandbox.run_function("def f(a): return a + 1", function="f", arguments={"a": 1})
    finally:
        await sandbox.aclose()
    assert (result.outcome, result.value, result.tier) == (SandboxOutcome.OK, 2, "gvisor")
