"""Turn this process into another program that dies with its parent.

Run as a script: `python -I -S leash.py --parent PID --death-signal N --identity self|UID:GID|userns -- PROGRAM ...`.
It imports the standard library only and ends in `execve`, so that the program keeps this process id
and costs no second process.
"""

import argparse
import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
UNPRIVILEGED_ID = 65534


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _enter_user_namespace(libc: ctypes.CDLL) -> None:
    """Become an unprivileged user of a new namespace, who outside is still the same owner of files."""
    uid, gid = os.geteuid(), os.getegid()
    _check(libc.unshare(CLONE_NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{UNPRIVILEGED_ID} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{UNPRIVILEGED_ID} {gid} 1", encoding="ascii")


def _take_identity(libc: ctypes.CDLL, identity: str) -> None:
    if identity == "self":
        return
    if identity == "userns":
        _enter_user_namespace(libc)
        return
    uid, gid = (int(part) for part in identity.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _run(arguments: argparse.Namespace) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _take_identity(libc, arguments.identity)
    # After the change of identity: the kernel forgets the death signal when credentials change.
    _check(libc.prctl(PR_SET_PDEATHSIG, arguments.death_signal, 0, 0, 0), "prctl")
    if os.getppid() != arguments.parent:
        # The parent died before the signal was armed.
        sys.exit(1)
    program = arguments.program[1:] if arguments.program[:1] == ["--"] else arguments.program
    os.execv(program[0], program)  # noqa: S606 - replacing this process is the purpose


def main() -> None:
    """Parse the command line and become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--identity", default="self")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    _run(parser.parse_args())


if __name__ == "__main__":
    main()
