import os
import pwd
import stat
from pathlib import Path

from hortus_server.adapters.embedded.component import Command
from hortus_server.adapters.embedded.errors import PlatformError, ToolFailedError
from hortus_server.adapters.embedded.process import run_tool

OTHERS_MAY_ENTER = stat.S_IXOTH
PROBE_TIMEOUT_S = 10.0
FALLBACK_NOBODY = (65534, 65534)


def nobody_ids() -> tuple[int, int]:
    """User and group id of the system's unprivileged user."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return FALLBACK_NOBODY
    return entry.pw_uid, entry.pw_gid


def anyone_can_reach(path: Path) -> bool:
    """Whether every folder above `path` lets any user pass; those that are still to be made will."""
    return all(folder.stat().st_mode & OTHERS_MAY_ENTER for folder in path.resolve().parents if folder.exists())


async def user_namespaces_work() -> bool:
    """Whether this process may make a user namespace; tried for real, since many layers can refuse it."""
    try:
        await run_tool(Command(argv=("/bin/sh", "-c", "exit 0"), identity="userns"), timeout_s=PROBE_TIMEOUT_S)
    except ToolFailedError:
        return False
    return True


async def unprivileged_identity(*folders: Path) -> str:
    """Under whom to run a program that refuses the superuser and must reach these folders.

    An ordinary user stays himself. The superuser becomes `nobody` where the folders can be reached,
    otherwise an unprivileged user of a new user namespace.

    Raises:
        PlatformError: The superuser can become neither.
    """
    if os.geteuid() != 0:
        return "self"
    if all(anyone_can_reach(folder) for folder in folders):
        uid, gid = nobody_ids()
        return f"{uid}:{gid}"
    if await user_namespaces_work():
        return "userns"
    closed = next(folder for folder in folders if not anyone_can_reach(folder))
    raise PlatformError(
        f"PostgreSQL does not run as root, user `nobody` cannot reach {closed}, and user namespaces are "
        "refused here. Run as an ordinary user, set HORTUS_HOME to a folder such as /var/lib/hortus "
        "(with the installation readable too), or give HORTUS_DATABASE_URL."
    )


def give_tree(folder: Path, *, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and all in it, if the folder is not his already."""
    if folder.stat().st_uid == uid:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), uid, gid, follow_symlinks=False)
    os.chown(folder, uid, gid)
